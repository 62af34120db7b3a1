/** At most `max` jobs at once for one `key`. */
export interface Quota {
  readonly key: string;
  readonly max: number;
}

/**
 * A queue that runs expensive jobs one after the other. What does not fit is turned away at once, so a
 * flood costs neither memory nor the time of others, and no client or source can fill the queue alone.
 */
export class SerialQueue {
  private tail: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private readonly taken = new Map<string, number>();

  /**
   * @param maxWaiting how many jobs may be under way or waiting in all
   */
  constructor(private readonly maxWaiting: number) {}

  /**
   * Runs a job when its turn comes.
   *
   * @param quotas the limits that the job counts against
   * @returns the job's result, or `null` if the queue is full, or one of the quotas
   */
  async run<T>(quotas: readonly Quota[], job: () => Promise<T>): Promise<T | null> {
    const full = quotas.some(({ key, max }) => (this.taken.get(key) ?? 0) >= max);
    if (full || this.waiting >= this.maxWaiting) return null;
    for (const { key } of quotas) this.taken.set(key, (this.taken.get(key) ?? 0) + 1);
    this.waiting += 1;
    const result = this.tail.then(job);
    this.tail = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.waiting -= 1;
      for (const { key } of quotas) this.giveBack(key);
    }
  }

  private giveBack(key: string): void {
    const left = (this.taken.get(key) ?? 1) - 1;
    if (left === 0) this.taken.delete(key);
    else this.taken.set(key, left);
  }
}
