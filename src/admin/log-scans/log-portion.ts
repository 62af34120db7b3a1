import type { EntityManager } from 'typeorm';
import { firstId, timeOf } from '../../audit/id-range.js';
import { readDecisions, type RecordedPolicy } from './recorded-decisions.js';
import type { TakenScan } from './scan.js';

type Queries = Pick<EntityManager, 'query'>;

/** An event that was read. */
export interface ReadEvent {
  readonly id: string;
  /** When it was recorded (RFC 3339). */
  readonly at: string;
  /** Bytes of it; 0 for what is no token request. */
  readonly bytes: number;
  /** `null` for what is no token request. */
  readonly policy: RecordedPolicy | null;
}

/** When the log begins in the time of a scan, in milliseconds since the epoch; at the end of that time if there is nothing. */
export async function beginningOf(
  db: Queries,
  { zoneId, fromMs, toMs }: Pick<TakenScan, 'zoneId' | 'fromMs' | 'toMs'>,
): Promise<number> {
  const [first] = await db.query<{ id: string }[]>(FIRST, [zoneId, firstId(fromMs), firstId(toMs)]);
  return first === undefined ? toMs : timeOf(first.id);
}

/** How much of the log is read at once. */
export interface PortionLimits {
  readonly rows: number;
  readonly bytes: number;
}

/** A portion of the log that was read. */
export interface Portion {
  /** The newest first. */
  readonly events: readonly ReadEvent[];
  /** Whether there is nothing older in the time of the scan. */
  readonly isLast: boolean;
}

/** Reads the next events of a scan: those before its cursor. One is read however large it is. */
export async function readPortion(
  db: Queries,
  { zoneId, fromMs, toMs, cursorId }: Pick<TakenScan, 'zoneId' | 'fromMs' | 'toMs' | 'cursorId'>,
  { rows: most, bytes }: PortionLimits,
): Promise<Portion> {
  const below = cursorId ?? firstId(toMs);
  const rows = await db.query<EventRow[]>(READ, [zoneId, firstId(fromMs), below, most, bytes]);
  return {
    events: rows.map(({ id, at, bytes: size, text }) => ({
      id,
      at,
      bytes: size,
      policy: text === null ? null : readDecisions(text),
    })),
    isLast: rows.length === 0,
  };
}

interface EventRow {
  readonly id: string;
  readonly at: string;
  readonly bytes: number;
  readonly text: string | null;
}

const FIRST = `
  SELECT id FROM audit_events WHERE zone_id = $1 AND id >= $2::uuid AND id < $3::uuid ORDER BY id LIMIT 1`;
/** The size of a text is known without reading it, and it is read only if there is room for it. */
const READ = `
  WITH page AS (
    SELECT t.id, t.occurred_at, t.event_text, t.event, t.type = 'token_exchange' AS asked,
           CASE WHEN t.type = 'token_exchange' THEN coalesce(octet_length(t.event_text), pg_column_size(t.event))
                ELSE 0 END AS bytes
      FROM audit_events t
     WHERE t.zone_id = $1 AND t.id >= $2::uuid AND t.id < $3::uuid
     ORDER BY t.id DESC LIMIT $4
  ), sized AS (
    SELECT p.*, row_number() OVER newest AS n, sum(p.bytes) OVER newest AS upto
      FROM page p WINDOW newest AS (ORDER BY p.id DESC)
  )
  SELECT s.id, to_char(s.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, s.bytes::float8 AS bytes,
         CASE WHEN s.asked THEN coalesce(s.event_text, s.event::text) END AS text
    FROM sized s WHERE s.n = 1 OR s.upto <= $5 ORDER BY s.id DESC`;
