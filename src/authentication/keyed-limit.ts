import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { atMost } from '../platform/at-most.js';

/** How often something may happen. */
export interface KeyedLimitOptions {
  readonly points: number;
  /** The seconds in which that often. They begin with the first time. */
  readonly seconds: number;
  /** The most keys that are remembered. */
  readonly maxKeys: number;
}

/**
 * A limit on how often something may happen, for each of many keys that strangers choose, in the memory of
 * this process. Bounded: the keys that were used least recently are forgotten, and long ones cost no more
 * than short ones.
 */
export class KeyedLimit {
  private readonly counts: RateLimiterMemory;
  /** The keys that {@link counts} has, since that forgets them only by time. */
  private readonly recent: LRUCache<string, true>;

  constructor({ points, seconds, maxKeys }: KeyedLimitOptions) {
    const counts = new RateLimiterMemory({ points, duration: seconds });
    this.counts = counts;
    this.recent = new LRUCache({
      ...atMost(maxKeys),
      dispose: (_value, key, reason) => {
        if (reason === 'evict') void counts.delete(key);
      },
    });
  }

  /** The number of keys that are remembered. */
  get size(): number {
    return this.recent.size;
  }

  /**
   * Counts one time, if there is one left.
   *
   * @param key its parts; no two lists of parts are the same key
   * @returns `false` if it was one too many
   */
  async take(...key: readonly string[]): Promise<boolean> {
    const name = keyName(key);
    this.recent.set(name, true);
    try {
      await this.counts.consume(name);
      return true;
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return false;
      throw refused;
    }
  }

  /** Whether {@link take} would return `true`. Counts nothing. */
  async hasLeft(...key: readonly string[]): Promise<boolean> {
    const counted = await this.counts.get(keyName(key));
    return counted === null || counted.remainingPoints > 0 || counted.msBeforeNext <= 0;
  }
}

/** The name of a key: of one length, since a part may be anything, and many are kept. */
export function keyName(key: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('base64');
}
