import type { EntityManager } from 'typeorm';
import type { PolicySource } from '../../policy/engine/compile.js';
import type { TakenScan } from '../log-scans/scan.js';
import type { ScannedPortion } from '../log-scans/scan-job.js';
import { LEASE_SECONDS, ScanTable } from '../log-scans/scan-table.js';
import type { ReplayProgress } from './replay-progress.js';
import { MAX_EXAMPLES, type ReplayDifference } from './replay-tally.js';

type Queries = Pick<EntityManager, 'query'>;

/** Replays that are kept of one zone; older ones go when there is another. */
const KEPT = 100;

/** A replay that this process is at. */
export interface TakenReplay extends TakenScan<ReplayProgress> {
  readonly policySetVersionId: string | null;
  readonly manifestSha256: string;
  /** Texts of the candidate, if no stored version was named. */
  readonly modules: readonly PolicySource[] | null;
  readonly maxDecisions: number;
}

/** The replays. The texts of a candidate are kept for as long as they are needed. */
export const REPLAY_TABLE = new ScanTable<TakenReplay>({
  name: 'policy_replays',
  reads: `s.policy_set_version_id AS "policySetVersionId", s.manifest_sha256 AS "manifestSha256", s.modules,
          s.max_decisions AS "maxDecisions"`,
  atEnd: 'modules = NULL',
});

/** Reads the groups that a replay has found so far. */
export function readGroups(
  db: Queries,
  { zoneId, id }: Pick<TakenReplay, 'zoneId' | 'id'>,
): Promise<Pick<ReplayDifference, 'kind' | 'clientId' | 'resource'>[]> {
  return db.query(GROUPS, [zoneId, id]);
}

/** What a portion of a replay has come to. */
export type ReplayPortion = ScannedPortion<TakenReplay, readonly ReplayDifference[]>;

/**
 * Stores what a portion has come to together with the place in the log that was come to, in one statement: whoever goes on
 * after a crash counts nothing twice.
 *
 * @returns whether it goes on; `null` if it was cancelled, or another process is at it
 */
export async function storePortion(
  db: Queries,
  holder: string,
  taken: Pick<TakenReplay, 'zoneId' | 'id' | 'cursorId'>,
  { cursorId, progress, found, isOver }: ReplayPortion,
): Promise<boolean | null> {
  const [stored] = await db.query<{ stored: number }[]>(STORE, [
    taken.zoneId,
    taken.id,
    holder,
    taken.cursorId,
    cursorId,
    JSON.stringify(progress),
    JSON.stringify(found),
    isOver,
    LEASE_SECONDS,
  ]);
  return stored?.stored === 1 ? !isOver : null;
}

/** Forgets replays that were over long ago. @param days after how many */
export async function forgetReplays(db: Queries, days: number, most: number): Promise<void> {
  await db.query(FORGET, [days, most]);
}

/** Forgets replays of a zone that are over, but for the newest. */
export async function makeRoomForReplay(db: Queries, zoneId: string): Promise<void> {
  await db.query(MAKE_ROOM, [zoneId, KEPT - 1]);
}

const GROUPS = `
  SELECT kind, client_id AS "clientId", resource FROM policy_replay_differences WHERE zone_id = $1 AND replay_id = $2`;
const STORE = `
  WITH stored AS (
    UPDATE policy_replays
       SET cursor_id = $5, progress = $6, state = CASE WHEN $8::boolean THEN 'done' ELSE 'running' END,
           leased_until = clock_timestamp() + $9::float8 * interval '1 second',
           finished_at = CASE WHEN $8 THEN clock_timestamp() END,
           modules = CASE WHEN NOT $8 THEN modules END
     WHERE zone_id = $1 AND id = $2 AND holder = $3 AND state = 'running' AND cursor_id IS NOT DISTINCT FROM $4::uuid
    RETURNING zone_id, id
  ), grouped AS (
    INSERT INTO policy_replay_differences AS d (zone_id, replay_id, kind, client_id, resource, count, examples)
    SELECT s.zone_id, s.id, t.kind, t."clientId", t.resource, t.count, t.examples
      FROM stored s
     CROSS JOIN jsonb_to_recordset($7::jsonb)
             AS t (kind text, "clientId" uuid, resource text, count bigint, examples text[])
    ON CONFLICT (zone_id, replay_id, kind, client_id, resource) DO UPDATE
       SET count = d.count + excluded.count, examples = (d.examples || excluded.examples)[1:${MAX_EXAMPLES}]
  )
  SELECT count(*)::int AS stored FROM stored`;
const FORGET = `
  DELETE FROM policy_replays r
   WHERE (r.zone_id, r.id) IN (
           SELECT o.zone_id, o.id FROM policy_replays o
            WHERE o.finished_at < now() - $1::integer * interval '1 day' ORDER BY o.finished_at LIMIT $2)`;
const MAKE_ROOM = `
  DELETE FROM policy_replays
   WHERE zone_id = $1 AND id IN (
           SELECT id FROM policy_replays WHERE zone_id = $1 AND finished_at IS NOT NULL ORDER BY id DESC OFFSET $2)`;
