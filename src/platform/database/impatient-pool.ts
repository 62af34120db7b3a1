import pg from 'pg';
import type { DataSource } from 'typeorm';
import { connectionsToShard } from './pool-sizes.js';
import { traceQueries } from './traced-queries.js';
import type { ZoneShard } from './zone-shard.js';
import type { ZoneShards } from './zone-shards.js';

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
  private shards: ZoneShards | null = null;
  /** Pools of connections that are at home in a shard, by its number. */
  private readonly ofShards = new Map<number, ImpatientPool>();

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
    const shard = this.shards?.current ?? null;
    if (shard !== null) {
      this.connectTo(shard, callback);
      return;
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

  /** The shards that its connections are spread over; `null` on a plain server. */
  get zoneShards(): ZoneShards | null {
    return this.shards;
  }

  /** Has what is about a shard done on connections of its own, at the node where the shard is. */
  spreadOver(shards: ZoneShards): void {
    this.shards = shards;
    shards.whenMoved(({ id }) => {
      const before = this.ofShards.get(id);
      this.ofShards.delete(id);
      // What is asked there is answered first. Who waits for a connection there is told to try again.
      void before?.end().catch(() => {});
    });
  }

  override end(): Promise<void>;
  override end(callback: () => void): void;
  override end(callback?: () => void): Promise<void> | void {
    const ended = Promise.all([...this.ofShards.values()].map((pool) => pool.end())).then(() =>
      super.end(),
    );
    if (callback === undefined) return ended;
    void ended.catch(() => {}).finally(() => setImmediate(callback));
  }

  private connectTo(shard: ZoneShard, callback: OnConnection): void {
    let pool: ImpatientPool;
    try {
      pool = this.ofShard(shard);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error('no connection', { cause: error });
      process.nextTick(() => callback(cause, undefined, () => {}));
      return;
    }
    pool.connect(callback);
  }

  /** @throws if its node is not ready */
  private ofShard(shard: ZoneShard): ImpatientPool {
    const { shards } = this;
    if (shards === null) throw new Error('the database is not distributed');
    const made = this.ofShards.get(shard.id);
    if (made !== undefined) return made;
    const pool = new ImpatientPool({
      ...this.options,
      connectionString: shards.urlOf(shard),
      max: connectionsToShard(this.options.max ?? 0, shards.all.length),
      idleTimeoutMillis: IDLE_MS,
    });
    pool.waitMs = this.waitMs;
    pool.on('error', () => {});
    pool.on('connect', (client) => tellErrors(client, (error) => shards.noteError(error)));
    pool.on('release', (error, client) => this.emit('release', error, client));
    this.ofShards.set(shard.id, pool);
    return pool;
  }
}

/** Has somebody told what each statement of a connection has thrown. */
function tellErrors(client: pg.PoolClient, told: (error: unknown) => void): void {
  const query: (...parameters: unknown[]) => unknown = client.query.bind(client);
  const telling = (...parameters: unknown[]): unknown => {
    const answer = query(...parameters);
    if (answer instanceof Promise) answer.catch(told);
    return answer;
  };
  Object.assign(client, { query: telling });
}

/** Milliseconds after which a connection to a shard is closed that nobody used. */
const IDLE_MS = 10_000;

/** Has what is about a shard done at its node. @throws if the data source was not made with an {@link ImpatientPool} */
export function spreadOverShards(dataSource: DataSource, shards: ZoneShards): void {
  poolOf(dataSource).spreadOver(shards);
}

/** The shards that the connections of a data source are spread over; `null` on a plain server, and for what is no data source. */
export function shardsOf(on: object): ZoneShards | null {
  const driver: unknown = Reflect.get(on, 'driver');
  const pool: unknown = driver instanceof Object ? Reflect.get(driver, 'master') : undefined;
  return pool instanceof ImpatientPool ? pool.zoneShards : null;
}

function poolOf(dataSource: DataSource): ImpatientPool {
  // The driver has no type for its pool.
  const pool: unknown = Reflect.get(dataSource.driver, 'master');
  if (!(pool instanceof ImpatientPool)) throw new Error('the data source has another pool');
  return pool;
}

/**
 * Makes the users of a data source impatient, which its own start must not be.
 *
 * @param waitMs milliseconds to wait for a connection
 * @throws if the data source was not made with an {@link ImpatientPool}
 */
export function becomeImpatient(dataSource: DataSource, waitMs: number): void {
  poolOf(dataSource).waitMs = waitMs;
}
