import type { Repository } from 'typeorm';
import { PAGE_LIMIT, type PageQuery } from './pagination.body.js';

/** One part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give as `after` for the next part; absent at the end. */
  readonly next?: string;
}

/**
 * Reads one part of a list, in the order of ids, which is that of time.
 *
 * @param within what all rows of the list have, such as their zone
 * @param toView what is shown of a row
 * @param condition what else rows must be, in SQL about `row`
 */
export async function readPage<R extends { id: string }, T>(
  rows: Repository<R>,
  within: Readonly<Record<string, string>>,
  { limit = PAGE_LIMIT, after }: PageQuery,
  toView: (row: R) => T,
  condition?: string,
): Promise<Page<T>> {
  const query = rows.createQueryBuilder('row').where(within);
  if (condition !== undefined) query.andWhere(condition);
  if (after !== undefined) query.andWhere('row.id > :after', { after });
  // One more than asked for tells whether there are more.
  const read = await query
    .orderBy('row.id', 'ASC')
    .take(limit + 1)
    .getMany();
  const shown = read.slice(0, limit);
  const last = shown.at(-1);
  const more = read.length > limit && last !== undefined;
  return { items: shown.map(toView), ...(more ? { next: last.id } : {}) };
}
