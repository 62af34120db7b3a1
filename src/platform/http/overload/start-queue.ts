/**
 * Starts requests one after the other, one for each turn of the event loop. What others wait for (an answer of the
 * database, a probe, a request that is turned away) gets its turn in between, however many requests came at once. Those whose callers have gone take no turn: a caller who connects and
 * resets would otherwise fill the queue for others.
 */
export class StartQueue {
  private readonly waiting: (() => boolean)[] = [];
  private scheduled = false;
  /** When the last one began, if others waited behind it. */
  private lastAt: number | null = null;
  private apart = { ms: 0, count: 0 };

  /** @param now the clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * Adds a request.
   *
   * @param start begins to work on it; false if there was nothing to do any more, and the next one gets the turn
   */
  add(start: () => boolean): void {
    this.waiting.push(start);
    if (!this.scheduled) this.schedule();
  }

  /**
   * How far apart requests began that waited for each other, on average since the last call: the time that each takes
   * of the event loop, with everything that is done in between.
   *
   * @returns milliseconds; `null` if none had to wait
   */
  takePace(): number | null {
    const { ms, count } = this.apart;
    this.apart = { ms: 0, count: 0 };
    return count === 0 ? null : ms / count;
  }

  private schedule(): void {
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      try {
        this.measure();
        while (this.waiting.shift()?.() === false);
      } finally {
        if (this.waiting.length === 0) this.lastAt = null;
        else if (!this.scheduled) this.schedule();
      }
    });
  }

  private measure(): void {
    const now = this.now();
    if (this.lastAt !== null) {
      this.apart.ms += now - this.lastAt;
      this.apart.count += 1;
    }
    this.lastAt = now;
  }
}
