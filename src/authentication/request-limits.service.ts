import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  BurstyRateLimiter,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';
import { ENV, type RateLimit, type RunningEnv } from '../platform/config/env.js';
import { COUNTS, type Counts } from './counts.js';
import type { RequestCounter } from './limit.js';
import { SHARED_COUNTS, type SharedCounts } from './shared-counts.js';

/** Seconds over which a burst is counted. */
const BURST_SECONDS = 10;

/**
 * Rate limits of clients and zones. Requests are counted in the memory of each replica, for all its workers, or in Redis for
 * all replicas together; while Redis is away each replica counts for itself.
 */
@Injectable()
export class RequestLimits implements OnApplicationShutdown {
  /**
   * Counts what is asked with a mandate of a client, by whoever has it: many may, such as the services that it is for, and none
   * of them uses up what is there for the client.
   */
  readonly ofPresented: RequestCounter = {
    count: (zoneId, clientId) => this.count(`presented ${zoneId}`, clientId),
  };
  private readonly ofClient: BurstyRateLimiter;
  private readonly ofZone: BurstyRateLimiter;

  constructor(
    @Inject(ENV) env: RunningEnv,
    @Inject(SHARED_COUNTS) private readonly shared: SharedCounts | null,
    @Inject(COUNTS) private readonly counts: Counts,
  ) {
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
    this.shared?.close();
  }

  /** A bucket that refills by the second, and a reserve for bursts. */
  private limiter(name: string, { perSecond, burst }: RateLimit): BurstyRateLimiter {
    return new BurstyRateLimiter(
      this.counter(`mandate:${name}`, perSecond, 1),
      this.counter(`mandate:${name}:burst`, burst, BURST_SECONDS),
    );
  }

  private counter(keyPrefix: string, points: number, duration: number): RateLimiterAbstract {
    const local = this.counts.requests(keyPrefix, { points, seconds: duration });
    if (this.shared === null) return local;
    return new RateLimiterRedis({
      storeClient: this.shared,
      useRedisPackage: true,
      insuranceLimiter: local,
      keyPrefix,
      points,
      duration,
    });
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
