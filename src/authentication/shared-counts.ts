import type { Logger } from 'pino';
import { RedisConnection } from '../platform/redis-connection.js';

/** The injection token of {@link SharedCounts}, `null` without `REDIS_URL`. */
export const SHARED_COUNTS = Symbol('SHARED_COUNTS');

/** Milliseconds after which a Redis that has not answered counts as away. One request waits for that. */
const ANSWER_MS = 250;

/** The counts in Redis, which all replicas share. No request waits for a Redis that was found to be away. */
export class SharedCounts {
  private constructor(private readonly redis: RedisConnection) {}

  /**
   * @param url `redis://…` or `rediss://…`
   * @returns at once, whether that answers or not
   */
  static async at(url: string, logger: Logger): Promise<SharedCounts> {
    const redis = await RedisConnection.to(url, {
      answerMs: ANSWER_MS,
      away: (error) =>
        logger.warn({ err: error }, 'Redis is away: limits apply to each replica alone'),
      back: () => logger.info('Redis is back: limits are shared again'),
    });
    return new SharedCounts(redis);
  }

  /**
   * Runs a script, as `rate-limiter-flexible` calls it.
   *
   * @throws {RedisAway} at once, while Redis is left alone
   * @throws the client's error if it has just failed
   */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown> {
    return this.redis.ask((client) => client.eval(script, options));
  }

  close(): void {
    this.redis.close();
  }
}
