/** A token bucket: `capacity` events at once, and `perSecond` after that. */
export class TokenBucket {
  private tokens: number;
  private filledAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
  ) {
    this.tokens = capacity;
  }

  /**
   * @param now milliseconds since the epoch
   * @returns `false` if it has happened too often
   */
  take(now: number): boolean {
    // A clock that went back refills nothing.
    const refill = Math.max(0, (now - this.filledAt) / 1_000) * this.perSecond;
    this.tokens = Math.min(this.capacity, this.tokens + refill);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
