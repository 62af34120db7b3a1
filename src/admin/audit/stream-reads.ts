import type { DataSource } from 'typeorm';
import { atAllOrSome, atZone, atZones } from '../../platform/database/at-zones.js';
import { termsOf, type AuditFilters, type AuditScope } from '../../audit/audit-filters.js';
import type { ChainEnd, ChainPart, StreamedEvent, StreamReads } from './stream-reader.js';

/** About how many events are read at once, and how many bytes of them. */
const AT_ONCE = 500;
const MOST_BYTES = 2 * 1024 * 1024;

/**
 * Reads chains of the audit log, each statement on a connection that is given back behind it.
 *
 * @param scope which zones' chains
 * @param filters which events are wanted; of the others it is only told that they are there
 */
export function readsOf(
  on: Pick<DataSource, 'query'>,
  { zones }: AuditScope,
  filters: AuditFilters,
): StreamReads {
  const terms = termsOf(filters);
  return {
    ends: async (since) => {
      const ends = await atAllOrSome(on, zones, (there) =>
        on.query<ChainEnd[]>(ENDS, [there, since]),
      );
      return ends.flat();
    },
    async lastBefore({ zoneId, writer }, since) {
      const [row] = await atZone(on, zoneId, () =>
        on.query<{ seq: number | null }[]>(LAST_BEFORE, [zoneId, writer, since]),
      );
      return row?.seq ?? 0;
    },
    next: async (parts, since) => {
      const ids = [...new Set(parts.map(({ zoneId }) => zoneId))];
      const events = await atZones(on, ids, (there) => {
        const those = parts.filter(({ zoneId }) => there.includes(zoneId));
        return on.query<StreamedEvent[]>(NEXT, [
          those.map(({ zoneId }) => zoneId),
          those.map(({ writer }) => writer),
          those.map(({ after }) => after),
          those.map(({ seq }) => seq),
          share(parts),
          terms,
          since,
          Math.floor(MOST_BYTES / parts.length),
        ]);
      });
      return events.flat();
    },
  };
}

/** How many events of each chain are read at once. */
function share(parts: readonly ChainPart[]): number {
  return Math.max(1, Math.floor(AT_ONCE / parts.length));
}

/** Chains that had something since: what they end with is stored with them. */
const ENDS = `
  SELECT c.zone_id AS "zoneId", c.writer, c.seq::float8 AS seq FROM audit_chains c
   WHERE ($1::uuid[] IS NULL OR c.zone_id = ANY ($1))
     AND c.last_event_id >= uuid_from_time(to_timestamp($2::float8 / 1000))`;

/**
 * From the end of a chain, as what is asked for is near it. A process goes on in its chain however long it had nothing to
 * say of a zone: where the days of all that was before were dropped, the chain begins with what is left.
 */
const LAST_BEFORE = `
  SELECT coalesce(
    (SELECT t.seq FROM audit_events t
      WHERE t.zone_id = $1 AND t.writer = $2 AND t.id < uuid_from_time(to_timestamp($3::float8 / 1000))
        AND t.id >= uuid_from_time(to_timestamp($3::float8 / 1000) - interval '400 days')
      ORDER BY t.seq DESC LIMIT 1),
    (SELECT t.seq - 1 FROM audit_events t
      WHERE t.zone_id = $1 AND t.writer = $2 AND t.id >= uuid_from_time(to_timestamp($3::float8 / 1000))
      ORDER BY t.seq LIMIT 1))::float8 AS seq`;

/**
 * Of days that are long over nothing is looked at, however many there are. Of each chain there is at least one event, and no
 * other once those before it have the bytes that it may have.
 */
const NEXT = `
  SELECT t.zone_id AS "zoneId", t.id, t.writer, t.seq::float8 AS seq, encode(t.hash, 'hex') AS hash,
         encode(t.previous_hash, 'hex') AS "previousHash",
         extract(epoch FROM t.occurred_at)::float8 * 1000 AS at,
         CASE WHEN t.fits THEN coalesce(t.event_text, t.event::text) ELSE '' END AS text, t.fits
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS p (zone, writer, after, upto)
   CROSS JOIN LATERAL (
     SELECT s.*, sum(octet_length(s.event_text)) OVER (ORDER BY s.seq ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS before
       FROM (
         SELECT e.*, (cardinality($6::text[]) = 0 OR audit_terms(audit_event(e)) @> $6) AS fits FROM audit_events e
          WHERE e.zone_id = p.zone AND e.writer = p.writer AND e.seq > p.after AND e.seq <= p.upto
            AND e.id >= uuid_from_time(to_timestamp($7::float8 / 1000))
          ORDER BY e.seq LIMIT $5) AS s) AS t
   WHERE coalesce(t.before, 0) < $8
   ORDER BY t.zone_id, t.writer, t.seq`;
