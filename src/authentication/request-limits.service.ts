import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';
import { ENV, type RateLimit, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';

/** Milliseconds after which Redis counts as away, and the limits of this replica apply. */
const REDIS_MS = 100;
/** Seconds over which a burst is counted. */
const BURST_SECONDS = 10;

/**
 * Rate limits of clients and zones. Requests are counted in the memory of each replica, or in Redis for
 * all of them together; while Redis is away each replica counts for itself.
 */
@Injectable()
export class RequestLimits implements OnApplicationShutdown {
  private readonly redis: Redis | null;
  private readonly ofClient: BurstyRateLimiter;
  private readonly ofZone: BurstyRateLimiter;

  constructor(
    @Inject(ENV) env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.redis = env.redisUrl === undefined ? null : this.connect(env.redisUrl);
    this.ofClient = this.limiter('client', env.clientRateLimit);
    this.ofZone = this.limiter('zone', env.zoneRateLimit);
  }

  /**
   * Counts a request.
   *
   * @returns the seconds after which another one may be made; `null` if this one may
   */
  async count(zoneId: string, clientId: string): Promise<number | null> {
    // The client first: one that asks too often does not use up what is there for its zone.
    return (await spend(this.ofClient, `${zoneId} ${clientId}`)) ?? spend(this.ofZone, zoneId);
  }

  async onApplicationShutdown(): Promise<void> {
    this.redis?.disconnect();
  }

  /** A bucket that refills by the second, and a reserve for bursts. */
  private limiter(name: string, { perSecond, burst }: RateLimit): BurstyRateLimiter {
    return new BurstyRateLimiter(
      this.counter(`mandate:${name}`, perSecond, 1),
      this.counter(`mandate:${name}:burst`, burst, BURST_SECONDS),
    );
  }

  private counter(keyPrefix: string, points: number, duration: number): RateLimiterAbstract {
    const local = new RateLimiterMemory({ keyPrefix, points, duration });
    if (this.redis === null) return local;
    return new RateLimiterRedis({
      storeClient: this.redis,
      insuranceLimiter: local,
      rejectIfRedisNotReady: true,
      keyPrefix,
      points,
      duration,
    });
  }

  private connect(url: string): Redis {
    const redis = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: REDIS_MS,
      connectTimeout: 1_000,
      retryStrategy: (attempt) => Math.min(attempt * 200, 5_000),
    });
    let away = false;
    redis.on('error', (error: unknown) => {
      if (!away)
        this.logger.warn({ err: error }, 'Redis is away: limits apply to each replica alone');
      away = true;
    });
    redis.on('ready', () => {
      if (away) this.logger.info('Redis is back: limits are shared again');
      away = false;
    });
    return redis;
  }
}

async function spend(limiter: BurstyRateLimiter, key: string): Promise<number | null> {
  try {
    await limiter.consume(key);
    return null;
  } catch (refused) {
    if (refused instanceof RateLimiterRes)
      return Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
    throw refused;
  }
}
