import type { EntityManager } from 'typeorm';

/** Milliseconds that a change waits in the process for its turn in a zone. */
export const TURN_WAIT_MS = 5_000;
/** Milliseconds within which a request is answered that may have to wait so long. */
export const TURN_DEADLINE_MS = 8_000;

/** How long a transaction waits for its turn in a zone, in milliseconds: less than a statement may take. */
const LOCK_MS = 800;

/**
 * Waits until a transaction has its turn among all that change something in a zone, on any replica: those of
 * operators and those of its agents. It is to be the first thing that a transaction does, while it holds
 * nothing that others could be waiting for. PostgreSQL grants such a lock in the order in which it was asked
 * for, which it does not do for rows: there, who shares a row could keep out for ever who wants it alone.
 *
 * The turn is over when the transaction is. From then on the transaction waits no longer than this for any lock.
 *
 * @throws the driver's error (`55P03`) if others have the turn for too long
 */
export async function takeZoneTurn(tx: EntityManager, zoneId: string): Promise<void> {
  await tx.query(TAKE, [String(LOCK_MS), zoneId]);
}

// The limit is set before the lock is asked for, in one round trip.
const TAKE = `WITH limited AS MATERIALIZED (SELECT set_config('lock_timeout', $1, true) AS ms)
  SELECT pg_advisory_xact_lock(hashtextextended('turn in zone ' || $2, 0)) FROM limited`;
