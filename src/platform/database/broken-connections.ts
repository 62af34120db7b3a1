import pg from 'pg';
import type { DataSource } from 'typeorm';

/**
 * Keeps connections that are in the middle of something from going back to the pool.
 *
 * When an answer takes too long the driver gives up waiting, and then so does the ROLLBACK behind it:
 * whoever got the connection next would be in a stranger's transaction, read its old view, and commit
 * what its maker was told had failed.
 */
export function endBrokenConnections(dataSource: DataSource): void {
  // The driver has no type for its pool, which is one of `pg`.
  const pool: unknown = Reflect.get(dataSource.driver, 'master');
  if (!(pool instanceof pg.Pool)) throw new Error('the data source has no pool');
  pool.on('release', (_error, client) => {
    if (isIdle(client)) return;
    // The pool drops a connection that is ending. Without waiting: it may never answer.
    void client.end().catch(() => {});
  });
}

function isIdle(client: pg.PoolClient): boolean {
  return Reflect.get(client, 'readyForQuery') === true && client.getTransactionStatus() === 'I';
}
