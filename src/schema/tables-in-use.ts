import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import type { StartPatience } from '../platform/database/start-patience.js';

/**
 * How long we may wait for a table that is to be changed, in milliseconds. Those who read or write it wait
 * behind us, and give up after 500 unless they are told otherwise (`lockMs` in `time-limits.ts`).
 */
const LOCK_MS = 300;
/**
 * The same for every tenth attempt: an autovacuum, which holds a table for as long as it runs, gives way
 * only to a transaction that has waited longer than `deadlock_timeout`, which is a second.
 */
const LONG_LOCK_MS = 1_500;
const LONG_EVERY = 10;
/** Milliseconds of an attempt after which it is looked up what it waits for. */
const LOOK_MS = 100;
/** `lock_not_available` and `deadlock_detected`. */
const BUSY = new Set(['55P03', '40P01']);

/** Who waits for tables, and how that is told. */
export interface Waiting {
  /** How long to try while others keep the tables busy. */
  readonly patience: Pick<StartPatience, 'leftMs' | 'tellOf'>;
  /** Whom a server process waits for, in words; `null` for none (`blockers.ts`). */
  readonly blockersOf: (pid: number) => Promise<string | null>;
}

/**
 * Does something that gives up a lock rather than keep others waiting behind it, and tries again.
 *
 * @param waiting is told that others keep the tables busy, and who they are
 * @param pid of the server process that does it
 * @param attempt is given its `lock_timeout` in milliseconds, and leaves no transaction open
 * @throws what `attempt` throws
 */
export async function whenTablesAreFree(
  { patience, blockersOf }: Waiting,
  pid: number,
  attempt: (lockMs: number) => Promise<void>,
): Promise<void> {
  const maxWaitMs = patience.leftMs;
  for (let n = 1, waited = 0; ; n += 1) {
    const lockMs = n % LONG_EVERY === 0 ? LONG_LOCK_MS : LOCK_MS;
    let blockers: string | null = null;
    const look = setTimeout(() => {
      // Told with the failure; without it, that is told alone.
      blockersOf(pid).then(
        (found) => (blockers = found),
        () => {},
      );
    }, LOOK_MS);
    try {
      await attempt(lockMs);
      return;
    } catch (error) {
      if (!isBusy(error) || waited >= maxWaitMs) throw error;
      patience.tellOf(error, blockers === null ? '' : `, used by ${String(blockers)}`);
      await sleep(LOCK_MS);
      waited += lockMs + LOCK_MS;
    } finally {
      clearTimeout(look);
    }
  }
}

/** Whether a statement has failed because others use what it needs. */
export function isBusy(error: unknown): boolean {
  const cause = error instanceof QueryFailedError ? error.driverError : error;
  return cause instanceof pg.DatabaseError && BUSY.has(cause.code ?? '');
}
