import pg from 'pg';
import type { DataSource } from 'typeorm';

/**
 * Closes connections that are released in the middle of a query or transaction, instead of pooling them.
 *
 * When an answer takes too long the driver gives up waiting, also for the ROLLBACK behind it. The next
 * user of the connection would be inside that transaction, read its old view, and commit what was
 * reported as failed.
 *
 * @throws if the driver of the data source has no pool of `pg`
 */
export function endBrokenConnections(dataSource: DataSource): void {
  // The driver has no type for its pool, which is one of `pg`.
  const pool: unknown = Reflect.get(dataSource.driver, 'master');
  if (!(pool instanceof pg.Pool)) throw new Error('the data source has no pool');
  pool.on('release', (_error, client) => {
    if (isIdle(client)) return;
    // The pool drops a connection that is ending. Not awaited: it may never answer.
    void client.end().catch(() => {});
  });
}

function isIdle(client: pg.PoolClient): boolean {
  const status = client.getTransactionStatus();
  // One that has just been made, of which nothing was asked yet, has no status: the driver gives it away before.
  return status === null || (Reflect.get(client, 'readyForQuery') === true && status === 'I');
}
