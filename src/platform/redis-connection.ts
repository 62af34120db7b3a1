/** Milliseconds that a connection and its first answer may take. */
const PROBE_MS = 1_000;
/** Milliseconds for which Redis is left alone at first; each time that it is away again doubles them. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
/** What is written to see whether it can be. */
const PROBE_KEY = 'mandate:probe';

/** Raised at once while Redis is left alone. */
class RedisAway extends Error {
  override readonly name = 'RedisAway';
  constructor() {
    super('Redis is left alone for a while');
  }
}

type Redis = typeof import('@redis/client');

/** A client of the library, connected. */
export type RedisClient = ReturnType<typeof newClient>;

/** What whoever uses Redis says of it. */
export interface RedisUse {
  /** Milliseconds after which a Redis that has not answered counts as away. */
  readonly answerMs: number;
  /** Called once, when it is found to be away. */
  readonly away: (error: unknown) => void;
  /** Called when it is back after that. */
  readonly back: () => void;
}

/**
 * A connection to Redis. A Redis that does not answer is asked no more: whatever waits for it goes on at once, and so
 * does whatever comes after, until a probe of our own, which nobody waits for, has seen that it answers again.
 */
export class RedisConnection {
  /** The connection that works, as far as is known. */
  private client: RedisClient | null = null;
  private pauseMs = FIRST_PAUSE_MS;
  private trustedAt = 0;
  private saidAway = false;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  private constructor(
    private readonly redis: Redis,
    private readonly url: string,
    private readonly use: RedisUse,
  ) {
    void this.probe();
  }

  /**
   * The client library is a quarter of all modules that a start would load, so only what uses Redis loads it.
   *
   * @param url `redis://…` or `rediss://…`
   * @returns at once, whether that answers or not
   */
  static async to(url: string, use: RedisUse): Promise<RedisConnection> {
    return new RedisConnection(await import('@redis/client'), url, use);
  }

  /** Whether it would be asked now. */
  get usable(): boolean {
    return this.client !== null;
  }

  /**
   * Asks Redis something.
   *
   * @throws {RedisAway} at once, while Redis is left alone
   * @throws the client's error if it has just failed. What was asked may have been done all the same
   */
  async ask<T>(question: (client: RedisClient) => Promise<T>): Promise<T> {
    const { client } = this;
    if (client === null) throw new RedisAway();
    try {
      return await within(this.use.answerMs, question(client));
    } catch (error) {
      this.leaveAlone(client, error);
      throw error;
    }
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.client?.destroy();
    this.client = null;
  }

  private leaveAlone(client: RedisClient, error: unknown): void {
    if (this.client !== client) return;
    this.client = null;
    // One that has worked for long starts again with a short pause.
    if (performance.now() - this.trustedAt > MAX_PAUSE_MS) this.pauseMs = FIRST_PAUSE_MS;
    // What waits for it fails by that, and goes on.
    client.destroy();
    this.isAway(error);
  }

  private isAway(error: unknown): void {
    if (this.closed) return;
    if (!this.saidAway) this.use.away(error);
    this.saidAway = true;
    this.timer = setTimeout(() => void this.probe(), this.pauseMs).unref();
    this.pauseMs = Math.min(this.pauseMs * 2, MAX_PAUSE_MS);
  }

  /** Connects anew, and writes something. Never throws. */
  private async probe(): Promise<void> {
    const client = newClient(this.redis, this.url);
    let failed = false;
    client.on('error', (error: unknown) => {
      failed = true;
      this.leaveAlone(client, error);
    });
    try {
      await within(PROBE_MS, firstAnswer(client));
      if (this.closed || failed) throw new RedisAway();
      this.trustedAt = performance.now();
      this.client = client;
      if (this.saidAway) this.use.back();
      this.saidAway = false;
    } catch (error) {
      client.destroy();
      this.isAway(error);
    }
  }
}

function newClient(redis: Redis, url: string) {
  return redis.createClient({
    url,
    RESP: 2,
    disableClientInfo: true,
    disableOfflineQueue: true,
    // When to connect again is decided here.
    socket: { connectTimeout: PROBE_MS, reconnectStrategy: false },
  });
}

async function firstAnswer(client: RedisClient): Promise<void> {
  await client.connect();
  await client.set(PROBE_KEY, '1', { expiration: { type: 'EX', value: 60 } });
}

/**
 * Awaits an answer for so long. Time in which this process itself was busy does not count.
 *
 * @throws if it is not there by then
 */
async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const wait = (again: number) => {
      const due = performance.now() + ms;
      timer = setTimeout(() => {
        if (again > 0 && performance.now() - due > ms / 4) wait(again - 1);
        else reject(new Error(`Redis did not answer within ${ms} ms`));
      }, ms);
    };
    wait(2);
  });
  // It may fail later, when it is not waited for any more.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
