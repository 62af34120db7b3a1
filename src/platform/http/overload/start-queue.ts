/**
 * Starts requests one after the other, one for each turn of the event loop. What others wait for (an answer of the
 * database, a probe, a request that is turned away) gets its turn in between, however many requests came at once.
 */
export class StartQueue {
  private readonly waiting: (() => void)[] = [];
  private scheduled = false;

  /** Adds a request. @param start begins to work on it */
  add(start: () => void): void {
    this.waiting.push(start);
    if (!this.scheduled) this.schedule();
  }

  private schedule(): void {
    this.scheduled = true;
    setImmediate(() => {
      const start = this.waiting.shift();
      this.scheduled = false;
      if (this.waiting.length > 0) this.schedule();
      start?.();
    });
  }
}
