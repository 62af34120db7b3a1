import type { Logger } from 'pino';

/** Milliseconds before its time is over at which the process exits, finished or not. */
const MARGIN_MS = 500;
/** The share of its time that requests in flight may take. */
const FINISH_SHARE = 0.3;

/**
 * The graceful shutdown on SIGTERM and SIGINT: runs the steps that were added so far, the last one
 * first. A second signal aborts the waiting of the running step.
 */
export class Shutdown {
  private readonly steps: ((abort: AbortSignal) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private stopping = false;

  /** @param seconds after the first signal within which the process ends */
  constructor(
    private readonly logger: Logger,
    private readonly seconds: number,
  ) {
    process.on('SIGTERM', this.onSignal);
    process.on('SIGINT', this.onSignal);
  }

  /** Milliseconds that requests in flight may take. */
  get finishMs(): number {
    return this.seconds * 1_000 * FINISH_SHARE;
  }

  /** Adds a step. @param step stops something; its signal aborts when a second SIGTERM or SIGINT comes */
  add(step: (abort: AbortSignal) => Promise<void>): void {
    this.steps.push(step);
  }

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    if (this.stopping) {
      this.abort.abort();
      return;
    }
    this.stopping = true;
    this.logger.info({ signal }, 'stopping');
    const late = setTimeout(() => process.exit(0), this.seconds * 1_000 - MARGIN_MS).unref();
    void this.stop().then(() => {
      clearTimeout(late);
      process.exit(0);
    });
  };

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
