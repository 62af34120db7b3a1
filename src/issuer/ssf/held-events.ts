import type { HeldEvent } from './security-event-token.js';

/** What is asked of the events on a stream. */
interface StreamKey {
  readonly zoneId: string;
  readonly id: string;
}

/** The connection that is read on. */
interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/**
 * The events on a stream that may be sent now, the oldest first: all if it is enabled, else those that say how it is with
 * it.
 *
 * @param most how many at most
 */
export function heldEvents(
  on: Reading,
  { zoneId, id }: StreamKey,
  most: number,
): Promise<HeldEvent[]> {
  return on.query<HeldEvent[]>(HELD, [zoneId, id, most]);
}

/** Takes events off a stream that were received. @returns those that were on it */
export async function takeOff(
  on: Reading,
  { zoneId, id }: StreamKey,
  jtis: readonly string[],
): Promise<string[]> {
  if (jtis.length === 0) return [];
  const [rows] = await on.query<[{ jti: string }[], number]>(TAKE_OFF, [zoneId, id, jtis]);
  return rows.map(({ jti }) => jti);
}

const HELD = `
  SELECT d.seq::text, d.jti, d.txn, d.event_type AS type, d.sub_id AS "subId", d.event,
         extract(epoch FROM d.created_at)::float8 AS at
    FROM ssf_deliveries d JOIN ssf_streams s ON s.zone_id = d.zone_id AND s.id = d.stream_id
   WHERE d.zone_id = $1 AND d.stream_id = $2 AND (s.status = 'enabled' OR d.control)
   ORDER BY d.seq LIMIT $3`;

const TAKE_OFF = `
  DELETE FROM ssf_deliveries WHERE zone_id = $1 AND stream_id = $2 AND jti = ANY ($3::uuid[]) RETURNING jti`;
