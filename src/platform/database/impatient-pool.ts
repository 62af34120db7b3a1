import pg from 'pg';
import type { DataSource } from 'typeorm';
import { traceQueries } from './traced-queries.js';

type OnConnection = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (destroy?: Error | boolean) => void,
) => void;

/**
 * A pool of connections whose users wait less long than a connection may take to be made. The pool of `pg` has
 * one limit for both: a short one, and a database that is far away is never reached; a long one, and callers
 * wait for a database that is gone. What comes too late for its user is there for the next one.
 */
export class ImpatientPool extends pg.Pool {
  /** Milliseconds to wait for a connection; as long as one may take to be made if absent. */
  waitMs: number | undefined;

  constructor(options?: pg.PoolConfig) {
    super(options);
    // One that breaks between being given and its user's own listener, perhaps in the very packet that says that
    // it is ready, would end the process. Its user learns it from the next query, and the pool when it is released.
    this.on('connect', (client) => {
      client.on('error', () => {});
      traceQueries(client);
    });
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: OnConnection): void;
  override connect(callback?: OnConnection): Promise<pg.PoolClient> | void {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        this.connect((error, client) => {
          if (client === undefined) reject(error ?? new Error('no connection'));
          else resolve(client);
        });
      });
    }
    let waiting = true;
    const giveUp = (): void => {
      waiting = false;
      callback(new Error('timeout exceeded when trying to connect'), undefined, () => {});
    };
    const timer = this.waitMs === undefined ? undefined : setTimeout(giveUp, this.waitMs);
    super.connect((error, client, release) => {
      clearTimeout(timer);
      if (waiting) callback(error, client, release);
      else if (client !== undefined) release();
    });
  }
}

/**
 * Makes the users of a data source impatient, which its own start must not be.
 *
 * @param waitMs milliseconds to wait for a connection
 * @throws if the data source was not made with an {@link ImpatientPool}
 */
export function becomeImpatient(dataSource: DataSource, waitMs: number): void {
  // The driver has no type for its pool.
  const pool: unknown = Reflect.get(dataSource.driver, 'master');
  if (!(pool instanceof ImpatientPool)) throw new Error('the data source has another pool');
  pool.waitMs = waitMs;
}
