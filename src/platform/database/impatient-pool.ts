import pg from 'pg';
import type { DataSource } from 'typeorm';
import { traceQueries } from './traced-queries.js';

type OnConnection = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (destroy?: Error | boolean) => void,
) => void;

/**
 * Milliseconds for which one who finds none idle waits for one to come back before another is made: about what that would
 * take from a database nearby.
 */
const RETURN_MS = 20;

/**
 * A pool of connections whose users wait less long than a connection may take to be made. The pool of `pg` has
 * one limit for both: a short one, and a database that is far away is never reached; a long one, and callers
 * wait for a database that is gone. What comes too late for its user is there for the next one.
 *
 * It grows where that is needed only. To make a connection costs PostgreSQL as much as dozens of short statements, and
 * what it knows of tables and plans it learns anew; so where all are in use, one that comes back at once is better.
 */
export class ImpatientPool extends pg.Pool {
  /** Milliseconds to wait for a connection; as long as one may take to be made if absent. */
  waitMs: number | undefined;

  /** Those who wait for one to come back. */
  private readonly expecting: (() => void)[] = [];

  constructor(options?: pg.PoolConfig) {
    super(options);
    // One that breaks between being given and its user's own listener, perhaps in the very packet that says that
    // it is ready, would end the process. Its user learns it from the next query, and the pool when it is released.
    this.on('connect', (client) => {
      client.on('error', () => {});
      traceQueries(client);
    });
    // It is idle after this event.
    this.on('release', () => {
      const next = this.expecting.shift();
      if (next !== undefined) process.nextTick(next);
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
    const take = (): void =>
      super.connect((error, client, release) => {
        clearTimeout(timer);
        if (waiting) callback(error, client, release);
        else if (client !== undefined) release();
      });
    if (this.wouldGrow) this.afterReturn(take);
    else take();
  }

  /** Whether the next user would have a connection made beside others. */
  private get wouldGrow(): boolean {
    return this.idleCount === 0 && this.totalCount > 0 && this.totalCount < this.options.max;
  }

  /** Goes on when one has come back, which is its own if nobody else was there first, or when that takes too long. */
  private afterReturn(goOn: () => void): void {
    const come = (): void => {
      clearTimeout(timer);
      goOn();
    };
    const timer = setTimeout(() => {
      this.expecting.splice(this.expecting.indexOf(come), 1);
      goOn();
    }, RETURN_MS);
    this.expecting.push(come);
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
