/** A connection in a transaction. */
interface InTransaction {
  query(text: string): Promise<unknown>;
}

/**
 * Has the rest of a transaction be done without triggers and foreign keys, as whoever owns the server can: on all nodes where
 * the database is distributed.
 */
export async function withoutTriggers(tx: InTransaction): Promise<void> {
  // On a plain server a setting of nobody's.
  await tx.query(`SET LOCAL citus.propagate_set_commands = 'local'`);
  await tx.query('SET LOCAL session_replication_role = replica');
}
