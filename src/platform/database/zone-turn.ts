import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';
import { commitIf } from './commit-if.js';
import { atZone } from './at-zones.js';

/** Milliseconds that a change waits in the process for its turn in a zone. */
export const TURN_WAIT_MS = 5_000;
/** Milliseconds within which a request is answered that may have to wait so long. */
export const TURN_DEADLINE_MS = 8_000;

/**
 * Runs statements in one transaction, as `commitIf` does, when it has its turn among all that change something
 * in a zone, on any replica: the changes of operators and those of its agents. It waits for that before it
 * holds anything that others could be waiting for. PostgreSQL grants such a lock in the order in which it was
 * asked for, which it does not do for rows: there, who shares a row could keep out for ever who wants it alone.
 *
 * The turn is over when the transaction is. In it, it waits for less than a statement may take for any lock, so
 * that it is told why.
 *
 * @param keep whether the result is to be committed
 * @throws the driver's error, `55P03` if others have had the turn for too long, and whatever `run` throws
 */
export async function commitInTurn<T>(
  dataSource: DataSource,
  zoneId: string,
  keep: (result: T) => boolean,
  run: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const outcome = await atZone(dataSource, zoneId, () =>
      commitIf<TurnResult<T>>(
        dataSource,
        (result) => 'value' in result && keep(result.value),
        async (tx) => {
          const missed = await takeTurn(tx, zoneId);
          return missed ?? { value: await run(tx) };
        },
      ),
    );
    if ('value' in outcome) return outcome.value;
    // The line was too long for one connection to stand in it: it is given back, and asked for again.
    if (performance.now() - began > TURN_WAIT_MS / 3) throw outcome.missed;
  }
}

/** What a transaction came to, or why it had no turn. */
type TurnResult<T> = { readonly value: T } | Missed;

interface Missed {
  readonly missed: QueryFailedError;
}

/** @returns `null` once it is the transaction's turn; otherwise it is of no use any more */
async function takeTurn(tx: EntityManager, zoneId: string): Promise<Missed | null> {
  try {
    await tx.query(TAKE, [zoneId]);
    return null;
  } catch (error) {
    if (error instanceof QueryFailedError && stateOf(error) === LOCK_NOT_AVAILABLE) {
      return { missed: error };
    }
    throw error;
  }
}

function stateOf({ driverError }: QueryFailedError): unknown {
  return Reflect.get(driverError, 'code');
}

const LOCK_NOT_AVAILABLE = '55P03';

// The limit is set before the lock is asked for, in one round trip.
const TAKE = `WITH limited AS MATERIALIZED (
    SELECT set_config('lock_timeout',
      (extract(epoch FROM current_setting('statement_timeout')::interval) * 800)::int::text, true))
  SELECT pg_advisory_xact_lock(hashtextextended('turn in zone ' || $1, 0)) FROM limited`;
