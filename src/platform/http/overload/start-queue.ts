/**
 * Starts requests one after the other, one for each turn of the event loop. What others wait for (an answer of the
 * database, a probe, a request that is turned away) gets its turn in between, however many requests came at once. Those whose callers have gone take no turn: a caller who connects and
 * resets would otherwise fill the queue for others.
 */
export class StartQueue {
  private readonly waiting: (() => boolean)[] = [];
  private scheduled = false;

  /**
   * Adds a request.
   *
   * @param start begins to work on it; false if there was nothing to do any more, and the next one gets the turn
   */
  add(start: () => boolean): void {
    this.waiting.push(start);
    if (!this.scheduled) this.schedule();
  }

  private schedule(): void {
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      try {
        while (this.waiting.shift()?.() === false);
      } finally {
        if (this.waiting.length > 0 && !this.scheduled) this.schedule();
      }
    });
  }
}
