const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** The pauses before a worker is started again that ended at once: none at first, and then ever longer. */
export class RestartPauses {
  /** How often in a row a worker of a number has ended soon. */
  private readonly soonEnded = new Map<number, number>();

  /**
   * Milliseconds before another worker takes the place of one: none, unless those before have ended soon, too.
   *
   * @param listeningSince as `performance.now()` has it; `null` for one that never answered requests
   */
  before(number: number, listeningSince: number | null): number {
    const soon =
      listeningSince === null || performance.now() - listeningSince < 2 * LONGEST_PAUSE_MS;
    const times = soon ? (this.soonEnded.get(number) ?? 0) : 0;
    this.soonEnded.set(number, times + 1);
    return times === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** times);
  }
}
