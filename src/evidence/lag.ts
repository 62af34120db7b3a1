import { INSTALLATION_LOG } from '../audit/installation-log.js';
import type { Queries } from './queries.js';

/** How far the checkpoints are behind what was recorded. */
export interface Behind {
  /** Seconds since the last checkpoint; null if there is none, or if it is of a time to come, as the clock was ahead. */
  readonly since: number | null;
  /** The most events of one zone that are in no log. */
  readonly events: number;
  /** Whether a log has grown since the last checkpoint, such as before a crash. */
  readonly hasGrown: boolean;
}

/** Reads how far the checkpoints are behind. It takes the heads of all chains, and no event. */
export async function readBehind(db: Queries): Promise<Behind> {
  const [row] = await db.query<Behind[]>(BEHIND);
  return row ?? { since: null, events: 0, hasGrown: false };
}

/** Whether a checkpoint is to be made: where something has happened some time after the last, and where much has sooner. */
export function isDue(
  { since, events, hasGrown }: Behind,
  most: { readonly seconds: number; readonly events: number },
): boolean {
  if (events === 0 && !hasGrown) return false;
  return since === null || since >= most.seconds || (events >= most.events && since >= 1);
}

/** Seconds since the oldest event was recorded that is in no signed checkpoint; 0 if there is none. */
export async function readLag(db: Queries): Promise<number> {
  const [row] = await db.query<{ seconds: number }[]>(LAG);
  return row?.seconds ?? 0;
}

const BEHIND = `SELECT
    (SELECT CASE WHEN k.at <= clock_timestamp() + interval '1 s'
                 THEN greatest(extract(epoch FROM clock_timestamp() - k.at), 0)::float8 END
       FROM checkpoints k ORDER BY k.size DESC LIMIT 1) AS since,
    (SELECT coalesce(max(z.events), 0)::float8
       FROM (SELECT sum(c.seq - coalesce(h.seq, 0)) AS events
               FROM audit_chains c LEFT JOIN evidence_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
              WHERE c.seq > coalesce(h.seq, 0) GROUP BY c.zone_id) AS z) AS events,
    EXISTS (SELECT FROM evidence_logs l LEFT JOIN evidence_checkpointed k ON k.zone_id = l.zone_id
             WHERE l.size > coalesce(k.size, 0) AND l.zone_id <> '${INSTALLATION_LOG}') AS "hasGrown"`;
const LAG = `WITH oldest AS (
    SELECT e.occurred_at
      FROM audit_chains c LEFT JOIN evidence_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
     CROSS JOIN LATERAL (
       SELECT a.occurred_at FROM audit_events a
        WHERE a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq > coalesce(h.seq, 0) ORDER BY a.seq LIMIT 1) AS e
     WHERE c.seq > coalesce(h.seq, 0)
    UNION ALL
    SELECT a.occurred_at
      FROM evidence_logs l LEFT JOIN evidence_checkpointed k ON k.zone_id = l.zone_id
     CROSS JOIN LATERAL (
       SELECT r.writer, r.first_seq + coalesce(k.size, 0) - r.first_leaf AS seq FROM evidence_runs r
        WHERE r.zone_id = l.zone_id AND r.first_leaf <= coalesce(k.size, 0) ORDER BY r.first_leaf DESC LIMIT 1) AS r
      JOIN audit_events a ON a.zone_id = l.zone_id AND a.writer = r.writer AND a.seq = r.seq
     WHERE l.size > coalesce(k.size, 0) AND l.zone_id <> '${INSTALLATION_LOG}')
  SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - min(o.occurred_at)), 0), 0)::float8 AS seconds
    FROM oldest o`;
