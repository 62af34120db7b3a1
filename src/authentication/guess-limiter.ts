import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Wrong guesses at the secret of one client that one source may make at once. */
const BURST = 10;
/** Milliseconds after which one more guess is allowed. */
const REFILL_MS = 6_000;
/** Milliseconds between two expensive comparisons for a client and source without guesses left. */
const PACE_MS = 1_000;

interface Bucket {
  tokens: number;
  refilledAt: number;
  pacedAt: number;
}

/**
 * Limits wrong guesses at client secrets, by client and source together, so that guesses from elsewhere
 * cannot lock a client out. Bounded: the least recently guessed pairs are forgotten.
 */
export class GuessLimiter {
  private readonly buckets = new LRUCache<string, Bucket>({ max: 50_000 });

  /**
   * Counts a wrong guess.
   *
   * @param now milliseconds since the epoch
   * @returns `false` if this was one too many
   */
  countWrong(clientId: string, source: string, now: number): boolean {
    const bucket = this.refilled(clientId, source, now);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /**
   * Whether an expensive comparison may be made. A pair that has used up its guesses is slowed down
   * rather than shut out, since the next secret may be the right one.
   */
  mayCompare(clientId: string, source: string, now: number): boolean {
    const bucket = this.refilled(clientId, source, now);
    if (bucket.tokens >= 1) return true;
    if (now - bucket.pacedAt < PACE_MS) return false;
    bucket.pacedAt = now;
    return true;
  }

  private refilled(clientId: string, source: string, now: number): Bucket {
    const key = pairKey(clientId, source);
    const bucket = this.buckets.get(key) ?? { tokens: BURST, refilledAt: now, pacedAt: 0 };
    const refill = Math.floor((now - bucket.refilledAt) / REFILL_MS);
    if (refill > 0) {
      bucket.tokens = Math.min(BURST, bucket.tokens + refill);
      bucket.refilledAt += refill * REFILL_MS;
    }
    this.buckets.set(key, bucket);
    return bucket;
  }
}

/** The key of a client and source: of one length, since a client id may be anything, and many are kept. */
function pairKey(clientId: string, source: string): string {
  return createHash('sha256')
    .update(JSON.stringify([clientId, source]))
    .digest('base64');
}
