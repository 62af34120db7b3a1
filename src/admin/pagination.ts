import type { Repository } from 'typeorm';
import type { Operator } from './operators/operator.js';
import { PAGE_LIMIT, type PageQuery } from './pagination.body.js';

/** One part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give as `after` for the next part; absent at the end. */
  readonly next?: string;
}

/** What rows of a list must be beside what they all have, in SQL about `row`, and the values of its parameters. */
export interface Filter {
  readonly sql: string;
  /** By name; no two filters of a list have one of the same name. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Rows whose column has exactly a value. @returns no filter where none was asked for */
export function having(column: string, value: string | boolean | undefined): readonly Filter[] {
  if (value === undefined) return [];
  return [{ sql: `row.${column} = :with_${column}`, parameters: { [`with_${column}`]: value } }];
}

/**
 * Rows of which something holds, or does not.
 *
 * @param holds SQL about `row`, which is never null
 * @returns no filter where none was asked for
 */
export function being(holds: string, wanted: 'true' | 'false' | undefined): readonly Filter[] {
  if (wanted === undefined) return [];
  return [{ sql: wanted === 'true' ? holds : `NOT (${holds})` }];
}

/**
 * Rows of the zones that an operator may see.
 *
 * @param column the one that names the zone of a row
 * @returns no filter for an operator of all zones
 */
export function seen(column: string, { zones }: Pick<Operator, 'zones'>): readonly Filter[] {
  if (zones === null) return [];
  return [{ sql: `row.${column} = ANY (:seen_zones)`, parameters: { seen_zones: zones } }];
}

/**
 * Rows that have a text in one of some columns, in upper or lower case alike (of all of Unicode, whatever the locale of the
 * database is). Nothing in the text stands for anything else. It looks at each row that the list has.
 *
 * @param columns of type `text`; what is null has nothing in it
 * @returns no filter where none was asked for
 */
export function containing(
  columns: readonly string[],
  text: string | undefined,
): readonly Filter[] {
  if (text === undefined) return [];
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const matches = columns.map((column) => `row.${column} COLLATE "und-x-icu" ILIKE :search`);
  return [{ sql: `(${matches.join(' OR ')})`, parameters: { search: pattern } }];
}

/**
 * Reads one part of a list, in the order of ids, which is that of time.
 *
 * @param within what all rows of the list have, such as their zone
 * @param toView what is shown of a row
 * @param filters what else rows must be: all of these, or SQL about `row`
 */
export async function readPage<R extends { id: string }, T>(
  rows: Repository<R>,
  within: Readonly<Record<string, string>>,
  { limit = PAGE_LIMIT, after }: PageQuery,
  toView: (row: R) => T,
  filters: string | readonly Filter[] = [],
): Promise<Page<T>> {
  const query = rows.createQueryBuilder('row').where(within);
  for (const { sql, parameters } of typeof filters === 'string'
    ? [{ sql: filters, parameters: undefined }]
    : filters) {
    query.andWhere(sql, parameters);
  }
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
