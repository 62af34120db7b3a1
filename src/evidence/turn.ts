import type { Queries } from './queries.js';

/** The job of making checkpoints. */
const CHECKPOINTS = 'checkpoints';

/**
 * Takes the turn for some time, or keeps it: of all replicas one makes checkpoints, so that none does what another is doing.
 * Whoever is late and does it without the turn does no harm: logs are locked, and what is in them is not added again.
 *
 * @param holder the process
 * @param ms for how long
 * @param job what there are turns of
 * @returns whether the process has it
 */
export async function takeTurn(
  db: Queries,
  holder: string,
  ms: number,
  job = CHECKPOINTS,
): Promise<boolean> {
  return (await db.query<unknown[]>(TAKE, [holder, ms, job])).length > 0;
}

/** Lets go of all turns that a holder has: another one may do what it could not. */
export async function leaveTurn(db: Queries, holder: string): Promise<void> {
  await db.query(LEAVE, [holder]);
}

// Citus refuses a clock that runs in these conditions: one is that of the statement, the other what is written less its time.
const LEAVE = `UPDATE evidence_turns SET until = now() WHERE holder = $1 AND until > now()`;
const TAKE = `INSERT INTO evidence_turns AS t (job, holder, until)
  VALUES ($3, $1, clock_timestamp() + $2::float8 * interval '1 ms')
  ON CONFLICT (job) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
    WHERE t.holder = EXCLUDED.holder OR EXCLUDED.until - t.until > $2::float8 * interval '1 ms'
  RETURNING 1`;
