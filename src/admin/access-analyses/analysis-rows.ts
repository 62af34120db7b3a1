import type { EntityManager } from 'typeorm';
import type { TakenScan } from '../log-scans/scan.js';
import type { ScannedPortion } from '../log-scans/scan-job.js';
import { LEASE_SECONDS, ScanTable } from '../log-scans/scan-table.js';
import type { AnalysisProgress } from './analysis-progress.js';
import { pairOf, type Pair, type Use } from './use-tally.js';

type Queries = Pick<EntityManager, 'query'>;

/** Analyses that are kept of one zone; older ones go when there is another. */
export const KEPT = 10;
/** The most rows of uses of an analysis that goes while somebody waits; larger ones the job forgets, piece by piece. */
const FEW_USES = 5_000;
/** The most rows of uses of one analysis. */
const MAX_USES = 200_000;
/** When the last day of a zone's log ended that has gone: a day leaves what its chains began and ended with. */
const KEPT_SINCE = `(SELECT (max(h.day) + 1)::timestamp AT TIME ZONE 'UTC' FROM audit_heads h WHERE h.zone_id = $1)`;

/** An analysis that this process is at. */
export type TakenAnalysis = TakenScan<AnalysisProgress>;

/** The access analyses. */
export const ANALYSIS_TABLE = new ScanTable<TakenAnalysis>({ name: 'access_analyses' });

/** Which of some pairs were seen before, as {@link pairOf} names them. */
export async function knownPairs(
  db: Queries,
  { zoneId, id }: Pick<TakenAnalysis, 'zoneId' | 'id'>,
  pairs: readonly Pair[],
): Promise<Set<string>> {
  if (pairs.length === 0) return new Set();
  const rows = await db.query<Pair[]>(KNOWN, [
    zoneId,
    id,
    pairs.map(({ userId }) => userId),
    pairs.map(({ resource }) => resource),
  ]);
  return new Set(rows.map(pairOf));
}

/** What a portion of an analysis has come to. */
export type AnalysisPortion = ScannedPortion<TakenAnalysis, readonly Use[]>;

/**
 * Stores what a portion has come to together with the place in the log that was come to, in one statement: whoever goes on
 * after a crash counts nothing twice. Beyond the most uses that are kept it ends. What of the log has gone meanwhile was not
 * looked at, so at its end its time begins after that.
 *
 * @returns whether it goes on; `null` if it is another process's by now, or was cancelled
 */
export async function storeAnalysis(
  db: Queries,
  holder: string,
  taken: Pick<TakenAnalysis, 'zoneId' | 'id' | 'cursorId'>,
  { cursorId, progress, found, isOver }: AnalysisPortion,
): Promise<boolean | null> {
  const [rows] = await db.query<[{ state: string }[], number]>(STORE, [
    taken.zoneId,
    taken.id,
    holder,
    taken.cursorId,
    cursorId,
    JSON.stringify(progress),
    JSON.stringify(found),
    isOver,
    LEASE_SECONDS,
    MAX_USES,
  ]);
  const [stored] = rows;
  return stored === undefined ? null : stored.state === 'running';
}

/**
 * Forgets a piece of an analysis that was over long ago, or is beyond those that are kept of its zone: all of one at once takes
 * longer than a statement may.
 *
 * @param days after how many
 * @param kept how many are kept of a zone
 * @param most how many rows of uses
 * @returns whether there was anything
 */
export async function forgetAnalysis(
  db: Queries,
  { days, kept, most }: { readonly days: number; readonly kept: number; readonly most: number },
): Promise<boolean> {
  const [row] = await db.query<{ forgotten: number }[]>(FORGET, [days, kept, most]);
  return row !== undefined && row.forgotten > 0;
}

/** Forgets analyses of a zone that are over and small, but for the newest. */
export async function makeRoomForAnalysis(db: Queries, zoneId: string): Promise<void> {
  await db.query(MAKE_ROOM, [zoneId, KEPT - 1, FEW_USES]);
}

/** Since when no day of a zone's log has gone, in milliseconds since the epoch; 0 if none ever has. */
export async function logKeptSince(db: Queries, zoneId: string): Promise<number> {
  const [row] = await db.query<{ since: number | null }[]>(SINCE, [zoneId]);
  return row?.since ?? 0;
}

/** A resource and no scope, or one of its scopes, as a key of any length: an identifier has no space in it. */
const WHAT = (resource: string, scope: string) =>
  `sha256(convert_to(${resource} || ' ' || ${scope}, 'UTF8'))`;
const KNOWN = `
  SELECT u.user_id AS "userId", u.resource
    FROM unnest($3::uuid[], $4::text[]) AS p (user_id, resource)
    JOIN access_uses u ON u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' AND u.user_id = p.user_id
                      AND u.what = ${WHAT('p.resource', "''")}`;
const STORE = `
  WITH held AS (
    SELECT a.zone_id, a.id FROM access_analyses a
     WHERE a.zone_id = $1 AND a.id = $2 AND a.holder = $3 AND a.state = 'running'
       AND a.cursor_id IS NOT DISTINCT FROM $4::uuid FOR UPDATE
  ), counted AS (
    INSERT INTO access_uses AS u (zone_id, analysis_id, used_by, user_id, what, resource, scope, count, last_at)
    SELECT h.zone_id, h.id, t."usedBy", t."userId", ${WHAT('t.resource', 't.scope')}, t.resource, t.scope, t.count, t."lastAt"
      FROM held h
     CROSS JOIN jsonb_to_recordset($7::jsonb)
             AS t ("usedBy" text, "userId" uuid, resource text, scope text, count bigint, "lastAt" timestamptz)
    ON CONFLICT (zone_id, analysis_id, used_by, user_id, what) DO UPDATE
       SET count = u.count + excluded.count, last_at = greatest(u.last_at, excluded.last_at)
    RETURNING (u.xmax = 0) AS is_new
  ), added AS (
    SELECT count(*) FILTER (WHERE c.is_new) AS many FROM counted c
  )
  UPDATE access_analyses a
     SET cursor_id = $5, uses = a.uses + added.many,
         progress = CASE WHEN a.uses + added.many > $10 AND NOT $8
                         THEN $6::jsonb || '{"stoppedBy": "uses"}' ELSE $6::jsonb END,
         state = CASE WHEN $8 OR a.uses + added.many > $10 THEN 'done' ELSE 'running' END,
         finished_at = CASE WHEN $8 OR a.uses + added.many > $10 THEN clock_timestamp() END,
         from_at = CASE WHEN $8 THEN greatest(a.from_at, ${KEPT_SINCE}) ELSE a.from_at END,
         log_complete_since = CASE WHEN $8 THEN greatest(a.log_complete_since, ${KEPT_SINCE}) ELSE a.log_complete_since END,
         leased_until = clock_timestamp() + $9::float8 * interval '1 second'
    FROM held h CROSS JOIN added
   WHERE a.zone_id = h.zone_id AND a.id = h.id
  RETURNING a.state`;
const FORGET = `
  WITH old AS MATERIALIZED (
    SELECT o.zone_id, o.id
      FROM (SELECT a.zone_id, a.id, a.finished_at, row_number() OVER (PARTITION BY a.zone_id ORDER BY a.id DESC) AS place
              FROM access_analyses a WHERE a.finished_at IS NOT NULL) AS o
     WHERE o.finished_at < now() - $1::integer * interval '1 day' OR o.place > $2::integer
     ORDER BY o.finished_at LIMIT 1
  ), piece AS (
    DELETE FROM access_uses u
     WHERE u.ctid = ANY (ARRAY(SELECT t.ctid FROM access_uses t JOIN old ON t.zone_id = old.zone_id AND t.analysis_id = old.id
                                LIMIT $3::integer))
    RETURNING u.ctid
  ), counted AS (
    SELECT count(*) AS many FROM piece
  ), whole AS (
    DELETE FROM access_analyses a USING old, counted
     WHERE a.zone_id = old.zone_id AND a.id = old.id AND counted.many < $3::integer
    RETURNING a.id
  )
  SELECT (counted.many + (SELECT count(*) FROM whole))::int AS forgotten FROM counted`;
const MAKE_ROOM = `
  DELETE FROM access_analyses
   WHERE zone_id = $1 AND id IN (
           SELECT id FROM access_analyses WHERE zone_id = $1 AND finished_at IS NOT NULL ORDER BY id DESC OFFSET $2)
     AND uses <= $3`;
const SINCE = `SELECT (extract(epoch FROM ${KEPT_SINCE}) * 1000)::float8 AS since`;
