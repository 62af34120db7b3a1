import type { EntityManager } from 'typeorm';
import { firstId, timeOf } from '../../audit/id-range.js';
import type { PolicySource } from '../../policy/engine/compile.js';
import { readDecisions } from '../log-scans/recorded-decisions.js';
import type { ReplayProgress } from './replay-progress.js';
import { MAX_EXAMPLES, type ReadEvent, type ReplayDifference } from './replay-tally.js';

type Queries = Pick<EntityManager, 'query'>;

/** Seconds for which a replay is a process's own; after a crash nobody is at it for so long. */
export const LEASE_SECONDS = 30;

/** A replay that this process is at. */
export interface TakenReplay {
  readonly zoneId: string;
  readonly id: string;
  readonly policySetVersionId: string | null;
  readonly manifestSha256: string;
  /** Texts of the candidate, if no stored version was named. */
  readonly modules: readonly PolicySource[] | null;
  readonly basePolicySetVersionId: string | null;
  readonly baseManifestSha256: string | null;
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxDecisions: number;
  /** The oldest event that was looked at; `null` before the first. */
  readonly cursorId: string | null;
  readonly progress: ReplayProgress;
}

/** Takes a replay that is due, of all zones that which nobody has been at for longest. @returns `null` if none is */
export async function takeReplay(db: Queries, holder: string): Promise<TakenReplay | null> {
  const [rows] = await db.query<[TakenReplay[], number]>(TAKE, [holder, LEASE_SECONDS]);
  return rows[0] ?? null;
}

/** Keeps a replay for longer. @returns whether it is this process's still */
export async function keepReplay(
  db: Queries,
  holder: string,
  { zoneId, id }: TakenReplay,
): Promise<boolean> {
  const [, kept] = await db.query<[unknown[], number]>(KEEP, [zoneId, id, holder, LEASE_SECONDS]);
  return kept > 0;
}

/**
 * Lets go of a replay, so that another process, or another turn, can go on with it.
 *
 * @param inSeconds when that is at the earliest; at once by default
 */
export async function leaveReplay(
  db: Queries,
  holder: string,
  { zoneId, id }: TakenReplay,
  inSeconds = 0,
): Promise<void> {
  await db.query(LEAVE, [zoneId, id, holder, inSeconds]);
}

/** Ends a replay that cannot go on, at the place in the log that it has come to. @param problem why, for its operator */
export async function failReplay(
  db: Queries,
  holder: string,
  { zoneId, id }: TakenReplay,
  problem: string,
): Promise<void> {
  await db.query(FAIL, [zoneId, id, holder, problem]);
}

/** Reads the groups that a replay has found so far. */
export function readGroups(
  db: Queries,
  { zoneId, id }: Pick<TakenReplay, 'zoneId' | 'id'>,
): Promise<Pick<ReplayDifference, 'kind' | 'clientId' | 'resource'>[]> {
  return db.query(GROUPS, [zoneId, id]);
}

/** When the log begins in the time of a replay, in milliseconds since the epoch; at the end of that time if there is nothing. */
export async function beginningOf(
  db: Queries,
  { zoneId, fromMs, toMs }: Pick<TakenReplay, 'zoneId' | 'fromMs' | 'toMs'>,
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
  /** Whether there is nothing older in the time of the replay. */
  readonly isLast: boolean;
}

/** Reads the next events of a replay: those before its cursor. One is read however large it is. */
export async function readPortion(
  db: Queries,
  { zoneId, fromMs, toMs, cursorId }: Pick<TakenReplay, 'zoneId' | 'fromMs' | 'toMs' | 'cursorId'>,
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

/** What a portion has come to. */
export interface StoredPortion {
  readonly cursorId: string | null;
  readonly progress: ReplayProgress;
  readonly differences: readonly ReplayDifference[];
  /** What the replay is from now on. */
  readonly state: 'running' | 'done' | 'failed';
  readonly problem: string | null;
}

/**
 * Stores what a portion has come to together with the place in the log that was come to, in one statement: whoever goes on
 * after a crash counts nothing twice.
 *
 * @returns whether it is stored: not if the replay was cancelled, or another process is at it
 */
export async function storePortion(
  db: Queries,
  holder: string,
  taken: Pick<TakenReplay, 'zoneId' | 'id' | 'cursorId'>,
  { cursorId, progress, differences, state, problem }: StoredPortion,
): Promise<boolean> {
  const [stored] = await db.query<{ stored: number }[]>(STORE, [
    taken.zoneId,
    taken.id,
    holder,
    taken.cursorId,
    cursorId,
    JSON.stringify(progress),
    JSON.stringify(differences),
    state,
    problem,
    LEASE_SECONDS,
  ]);
  return stored?.stored === 1;
}

/** Forgets replays that were over long ago. @param days after how many */
export async function forgetReplays(db: Queries, days: number, most: number): Promise<void> {
  await db.query(FORGET, [days, most]);
}

const TAKE = `
  UPDATE policy_replays r
     SET holder = $1, leased_until = clock_timestamp() + $2::float8 * interval '1 second', state = 'running',
         started_at = coalesce(r.started_at, clock_timestamp())
   WHERE (r.zone_id, r.id) = (
           SELECT d.zone_id, d.id FROM policy_replays d
            WHERE d.state IN ('queued', 'running') AND d.leased_until < clock_timestamp()
            ORDER BY d.leased_until LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING r.zone_id AS "zoneId", r.id, r.policy_set_version_id AS "policySetVersionId",
            r.manifest_sha256 AS "manifestSha256", r.modules, r.base_policy_set_version_id AS "basePolicySetVersionId",
            r.base_manifest_sha256 AS "baseManifestSha256", extract(epoch FROM r.from_at)::float8 * 1000 AS "fromMs",
            extract(epoch FROM r.to_at)::float8 * 1000 AS "toMs", r.max_decisions AS "maxDecisions",
            r.cursor_id AS "cursorId", r.progress`;
const KEEP = `
  UPDATE policy_replays SET leased_until = clock_timestamp() + $4::float8 * interval '1 second'
   WHERE zone_id = $1 AND id = $2 AND holder = $3 AND state = 'running'`;
const LEAVE = `
  UPDATE policy_replays SET leased_until = clock_timestamp() + $4::float8 * interval '1 second'
   WHERE zone_id = $1 AND id = $2 AND holder = $3 AND state = 'running'`;
const FAIL = `
  UPDATE policy_replays SET state = 'failed', problem = $4, finished_at = clock_timestamp(), modules = NULL
   WHERE zone_id = $1 AND id = $2 AND holder = $3 AND state = 'running'`;
const GROUPS = `
  SELECT kind, client_id AS "clientId", resource FROM policy_replay_differences WHERE zone_id = $1 AND replay_id = $2`;
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
const STORE = `
  WITH stored AS (
    UPDATE policy_replays
       SET cursor_id = $5, progress = $6, state = $8, problem = $9,
           leased_until = clock_timestamp() + $10::float8 * interval '1 second',
           finished_at = CASE WHEN $8 = 'running' THEN NULL ELSE clock_timestamp() END,
           modules = CASE WHEN $8 = 'running' THEN modules END
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
