import type { Logger } from 'pino';

/** Milliseconds after the first signal at which the process exits, finished or not. */
const LAST_MS = 9_500;

/**
 * The graceful shutdown on SIGTERM and SIGINT: runs the steps that were added so far, the last one
 * first. A second signal aborts the waiting of the running step.
 */
export class Shutdown {
  private readonly steps: ((abort: AbortSignal) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private stopping = false;

  constructor(private readonly logger: Logger) {
    process.on('SIGTERM', this.onSignal);
    process.on('SIGINT', this.onSignal);
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
    setTimeout(() => process.exit(0), LAST_MS).unref();
    void this.stop().then(() => process.exit(0));
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
