import type { Logger } from 'pino';

/** Milliseconds before its time is over at which the process exits, finished or not. */
const MARGIN_MS = 500;
/** The share of its time that requests in flight may take. */
const FINISH_SHARE = 0.3;

/**
 * The graceful shutdown: runs the steps that were added so far, the last one first, and ends the process. It is begun
 * by SIGTERM and SIGINT ({@link obeySignals}), or by the process that this one is a worker of; a second signal
 * aborts the waiting of the running step.
 */
export class Shutdown {
  private readonly steps: ((abort: AbortSignal) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private begun = false;

  /**
   * @param seconds after the first signal within which the process ends
   * @param marginMs milliseconds before that at which it exits, finished or not
   */
  constructor(
    private readonly logger: Logger,
    private readonly seconds: number,
    private readonly marginMs = MARGIN_MS,
  ) {}

  /** Milliseconds that requests in flight may take. */
  get finishMs(): number {
    return this.seconds * 1_000 * FINISH_SHARE;
  }

  /** Whether it has begun. */
  get stopping(): boolean {
    return this.begun;
  }

  /** Adds a step. @param step stops something; its signal aborts when a second SIGTERM or SIGINT comes */
  add(step: (abort: AbortSignal) => Promise<void>): void {
    this.steps.push(step);
  }

  /** Begins at the first SIGTERM or SIGINT, and hurries at the next. */
  obeySignals(): void {
    const onSignal = (signal: NodeJS.Signals): void => {
      if (this.begun) {
        this.hurry();
        return;
      }
      this.logger.info({ signal }, 'stopping');
      this.begin(0);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  /** Stops everything, and ends the process. Once. @param exitCode of the process */
  begin(exitCode: number): void {
    if (this.begun) return;
    this.begun = true;
    const exit = (): void => process.exit(exitCode);
    const late = setTimeout(exit, this.seconds * 1_000 - this.marginMs).unref();
    void this.stop()
      .finally(() => clearTimeout(late))
      .then(exit);
  }

  /** Aborts the waiting of the running step. */
  hurry(): void {
    this.abort.abort();
  }

  private async stop(): Promise<void> {
    for (const step of this.steps.toReversed()) {
      try {
        await step(this.abort.signal);
      } catch (error) {
        this.logger.error({ err: error }, 'stopping was not clean');
      }
    }
  }
}
