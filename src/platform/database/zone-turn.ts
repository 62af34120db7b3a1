import type { EntityManager } from 'typeorm';

/** Milliseconds that a change waits in the process for its turn in a zone. */
export const TURN_WAIT_MS = 5_000;
/** Milliseconds within which a request is answered that may have to wait so long. */
export const TURN_DEADLINE_MS = 8_000;

/**
 * Waits until a transaction has its turn among all that change something in a zone, on any replica: those of
 * operators and those of its agents. It is to be the first thing that a transaction does, while it holds
 * nothing that others could be waiting for. PostgreSQL grants such a lock in the order in which it was asked
 * for, which it does not do for rows: there, who shares a row could keep out for ever who wants it alone.
 *
 * The turn is over when the transaction is. For this lock and any other it waits for less than a statement may
 * take, so that it is told why.
 *
 * @throws the driver's error (`55P03`) if others have the turn for too long
 */
export async function takeZoneTurn(tx: EntityManager, zoneId: string): Promise<void> {
  await tx.query(TAKE, [zoneId]);
}

// The limit is set before the lock is asked for, in one round trip.
const TAKE = `WITH limited AS MATERIALIZED (
    SELECT set_config('lock_timeout',
      (extract(epoch FROM current_setting('statement_timeout')::interval) * 800)::int::text, true))
  SELECT pg_advisory_xact_lock(hashtextextended('turn in zone ' || $1, 0)) FROM limited`;
