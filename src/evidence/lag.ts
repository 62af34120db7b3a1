import { INSTALLATION_LOG } from '../audit/installation-log.js';
import { CHAINS_OF, chainPages, FIRST, pageValues } from './chain-pages.js';
import type { Queries } from './queries.js';

/** How far the checkpoints are behind what was recorded. */
export interface Behind {
  /** Seconds since the last checkpoint; null if there is none, or if it is of a time to come, as the clock was ahead. */
  readonly since: number | null;
  /** The most events of one zone that are in no log, where its chains are in one page. */
  readonly events: number;
  /** Whether a log has grown since the last checkpoint, such as before a crash. */
  readonly hasGrown: boolean;
}

/**
 * Reads how far the checkpoints are behind. It takes the heads of all chains, and no event.
 *
 * @param ofPage how many chains one statement looks at, at most
 */
export async function readBehind(db: Queries, ofPage?: number): Promise<Behind> {
  const [row] = await db.query<Omit<Behind, 'events'>[]>(BEHIND);
  let events = 0;
  for await (const page of chainPages(db, FIRST, ofPage)) {
    const [most] = await db.query<{ events: number }[]>(MOST_OF_ZONE, pageValues(page));
    events = Math.max(events, most?.events ?? 0);
  }
  return { since: null, hasGrown: false, ...row, events };
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
export async function readLag(db: Queries, ofPage = CHAINS_OF_LAG): Promise<number> {
  const [ofLogs] = await db.query<{ seconds: number }[]>(LAG_OF_LOGS);
  let seconds = ofLogs?.seconds ?? 0;
  for await (const page of chainPages(db, FIRST, ofPage)) {
    const [ofChains] = await db.query<{ seconds: number }[]>(LAG_OF_CHAINS, pageValues(page));
    seconds = Math.max(seconds, ofChains?.seconds ?? 0);
  }
  return seconds;
}

/** Chains that one statement looks at for the lag, at most: of each that is behind it looks for an event in all days. */
const CHAINS_OF_LAG = 5_000;

const BEHIND = `SELECT
    (SELECT CASE WHEN k.at <= clock_timestamp() + interval '1 s'
                 THEN greatest(extract(epoch FROM clock_timestamp() - k.at), 0)::float8 END
       FROM checkpoints k ORDER BY k.size DESC LIMIT 1) AS since,
    (SELECT coalesce(bool_or(l.size > coalesce(k.size, 0)), false)
       FROM evidence_logs l LEFT JOIN evidence_checkpointed k ON k.zone_id = l.zone_id
      WHERE l.zone_id <> '${INSTALLATION_LOG}') AS "hasGrown"`;
const MOST_OF_ZONE = `SELECT coalesce(max(z.events), 0)::float8 AS events
  FROM (SELECT sum(c.seq - coalesce(h.seq, 0)) AS events FROM ${CHAINS_OF}
         WHERE c.seq > coalesce(h.seq, 0) GROUP BY c.zone_id) AS z`;
const SECONDS = `coalesce(greatest(extract(epoch FROM clock_timestamp() - min(o.occurred_at)), 0), 0)::float8 AS seconds`;
const LAG_OF_CHAINS = `SELECT ${SECONDS} FROM (
    SELECT e.occurred_at FROM ${CHAINS_OF}
     CROSS JOIN LATERAL (
       SELECT a.occurred_at FROM audit_events a
        WHERE a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq > coalesce(h.seq, 0) ORDER BY a.seq LIMIT 1) AS e
     WHERE c.seq > coalesce(h.seq, 0)) AS o`;
const LAG_OF_LOGS = `SELECT ${SECONDS} FROM (
    SELECT a.occurred_at
      FROM evidence_logs l LEFT JOIN evidence_checkpointed k ON k.zone_id = l.zone_id
     CROSS JOIN LATERAL (
       SELECT r.writer, r.first_seq + coalesce(k.size, 0) - r.first_leaf AS seq FROM evidence_runs r
        WHERE r.zone_id = l.zone_id AND r.first_leaf <= coalesce(k.size, 0) ORDER BY r.first_leaf DESC LIMIT 1) AS r
      JOIN audit_events a ON a.zone_id = l.zone_id AND a.writer = r.writer AND a.seq = r.seq
     WHERE l.size > coalesce(k.size, 0) AND l.zone_id <> '${INSTALLATION_LOG}') AS o`;
