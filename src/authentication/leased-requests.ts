import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { atMost } from '../platform/at-most.js';
import type { Window } from './counts.js';
import type { Lease, LeaseRequest } from './leases.js';

/** The most keys of which a worker keeps points. Those of a key that is forgotten are lost with their window. */
const MAX_KEYS = 20_000;

/** Points of one key that this worker may spend. */
interface Purse {
  points: number;
  /** How many were spent of this window. */
  spent: number;
  /** When the window ends, by `performance.now`; 0 until that is known. */
  until: number;
  /** No point is left of the window, for any worker. */
  empty: boolean;
  /** Requests that wait for points. */
  waiting: number;
  /** What they wait for. */
  asking: Promise<void> | null;
}

/**
 * A limit of requests that the primary process counts for all workers (`leases.ts`). A worker asks for points and
 * spends them by itself: as many as requests wait, or as it has spent already, so that it never keeps more than that.
 * (It takes the place of the library's counter in memory, whose abstract class is there as a type only.)
 */
export class LeasedRequests extends RateLimiterMemory {
  private readonly purses = new LRUCache<string, Purse>(atMost(MAX_KEYS));

  /** @param ask asks the primary process */
  constructor(
    keyPrefix: string,
    { points, seconds }: Window,
    private readonly ask: (request: LeaseRequest) => Promise<Lease>,
  ) {
    super({ keyPrefix, points, duration: seconds });
  }

  /**
   * Spends one point.
   *
   * @throws {RateLimiterRes} if none is left of the window, for any worker
   */
  override async consume(key: string): Promise<RateLimiterRes> {
    for (;;) {
      const now = performance.now();
      const purse = this.purseOf(key, now);
      const msLeft = purse.until - now;
      if (purse.points > 0) {
        purse.points -= 1;
        purse.spent += 1;
        return new RateLimiterRes(purse.points, msLeft);
      }
      if (purse.empty) throw new RateLimiterRes(0, msLeft);
      purse.waiting += 1;
      purse.asking ??= this.fill(purse, key).finally(() => (purse.asking = null));
      try {
        // oxlint-disable-next-line no-await-in-loop -- each time round it is another purse, or has other points
        await purse.asking;
      } finally {
        purse.waiting -= 1;
      }
    }
  }

  private async fill(purse: Purse, key: string): Promise<void> {
    const asked = performance.now();
    // Those that come in the same turn of the event loop are asked for together.
    await Promise.resolve();
    const wanted = Math.max(purse.waiting, purse.spent);
    const { points, ms } = await this.ask({ key, wanted });
    const until = asked + ms;
    // Another window has begun meanwhile.
    if (until - purse.until > this.msDuration / 2) purse.spent = 0;
    purse.until = until;
    purse.points = points;
    purse.empty = points === 0;
  }

  private purseOf(key: string, now: number): Purse {
    const known = this.purses.get(key);
    if (known !== undefined && (known.asking !== null || known.until > now)) return known;
    const purse = { points: 0, spent: 0, until: 0, empty: false, waiting: 0, asking: null };
    this.purses.set(key, purse);
    return purse;
  }
}
