import type { AuditPage, AuditPart } from './audit-page.js';

/**
 * One part of what was found in several places, each of which was asked for all that the part may need: the newest come
 * first.
 *
 * @param pages each with at least `offset + limit` events, or with all, or with where it goes on
 */
export function mergePages(
  pages: readonly AuditPage[],
  { limit, offset = 0 }: Pick<AuditPart, 'limit' | 'offset'>,
): AuditPage {
  // Beyond it one of them has not been looked at: events from there on are of a later part.
  const reached = pages.reduce(
    (far, { next }) => (next !== undefined && next > far ? next : far),
    '',
  );
  const items = pages
    .flatMap((page) => page.items)
    .filter(({ id }) => id >= reached)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1));
  const shown = items.slice(offset, offset + limit);
  const last = items.length > offset + limit ? shown.at(-1)?.id : reached;
  return { items: shown, ...(last === undefined || last === '' ? {} : { next: last }) };
}
