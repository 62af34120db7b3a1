/** Bounds of a {@link SlowLane}. */
export interface SlowLaneLimits {
  /** Jobs that may wait in all. */
  readonly maxWaiting: number;
  /** Jobs that one key may have under way or waiting. */
  readonly maxPerKey: number;
}

/**
 * Runs expensive jobs one after the other. What does not fit is turned away at once, so a flood
 * costs neither memory nor the time of others, and no key can fill the lane by itself.
 */
export class SlowLane {
  private tail: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private readonly perKey = new Map<string, number>();

  constructor(private readonly limits: SlowLaneLimits) {}

  /**
   * @returns the job's result, or `null` if the lane is full for everybody or for this key
   */
  async run<T>(key: string, job: () => Promise<T>): Promise<T | null> {
    const mine = this.perKey.get(key) ?? 0;
    if (mine >= this.limits.maxPerKey || this.waiting >= this.limits.maxWaiting) return null;
    this.perKey.set(key, mine + 1);
    this.waiting += 1;
    const result = this.tail.then(job);
    this.tail = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.waiting -= 1;
      const left = (this.perKey.get(key) ?? 1) - 1;
      if (left === 0) this.perKey.delete(key);
      else this.perKey.set(key, left);
    }
  }
}
