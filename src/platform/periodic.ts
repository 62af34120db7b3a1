/** The share by which each wait is longer or shorter at random, unless another one is given. */
const SPREAD = 0.25;

/**
 * Work that is repeated until it is stopped: one run at a time, and a random wait between two runs, so
 * that replicas that were started together drift apart. Started by `BackgroundWork`, never by a constructor
 * or a hook of Nest, which commands run as well.
 */
export class Periodic {
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  /**
   * @param work one run; returns the milliseconds until the next one. It must not reject: what a failure
   *   means, and how long to wait after one, is for the work to say
   * @param spread the share of a wait by which it varies, from 0 to 1
   */
  constructor(
    private readonly work: () => Promise<number>,
    private readonly spread = SPREAD,
  ) {}

  /** Whether {@link stop} was called: work that takes long asks in between. */
  get stopped(): boolean {
    return this.ended;
  }

  /**
   * Runs the work after a wait, and then again and again.
   *
   * @param ms milliseconds, give or take the spread
   */
  start(ms: number): void {
    if (this.ended) return;
    const wait = ms * (1 - this.spread + Math.random() * 2 * this.spread);
    // A process that has nothing else to do may end.
    this.timer = setTimeout(() => void this.run(), wait).unref();
  }

  /** Ends the repetition. A run that is under way is not interrupted. */
  stop(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.start(await this.work());
  }
}
