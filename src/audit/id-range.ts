import type { AuditFilters } from './audit-filters.js';

/** Ids of events, the first of them included, the last not; UUIDs as text. */
export interface IdRange {
  readonly from: string;
  readonly below: string;
}

/**
 * Milliseconds by which the time in an id may be away from that at which its event was recorded: a request gets the id
 * before it is evaluated, and waits for the commit. A process whose clock is further off than a quarter of that is not
 * ready (docs/operations.md).
 */
export const ASTRAY_MS = 120_000;

const LEAST = '00000000-0000-0000-0000-000000000000';
const ABOVE_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
/** The last millisecond that a UUIDv7 can have. */
const LAST_MS = 2 ** 48 - 1;

/**
 * The ids that events can have which were recorded in a span of time (UUIDv7: RFC 9562 5.7).
 *
 * @param after the id of the event after which a page starts, of which each event is older than the one before
 */
export function idRange(
  { from, to }: Pick<AuditFilters, 'from' | 'to'>,
  after: string | undefined,
): IdRange {
  const below = to === undefined ? ABOVE_ALL : firstId(Date.parse(to) + ASTRAY_MS);
  const cursor = after?.toLowerCase();
  return {
    from: from === undefined ? LEAST : firstId(Date.parse(from) - ASTRAY_MS),
    below: cursor === undefined || below < cursor ? below : cursor,
  };
}

/** The time in an id (UUIDv7: RFC 9562 5.7), in milliseconds since the epoch. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The least id of a millisecond. */
export function firstId(ms: number): string {
  const time = Math.min(Math.max(Math.floor(ms), 0), LAST_MS)
    .toString(16)
    .padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
