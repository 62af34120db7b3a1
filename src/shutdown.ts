import type { Logger } from 'pino';

/** Milliseconds after which the process ends, finished or not. */
const LAST_MS = 9_500;

/**
 * Ends the process gracefully on SIGTERM and SIGINT, from the first moment on: whatever has been
 * started by then is stopped, the last first.
 */
export class Shutdown {
  private readonly steps: ((abort: AbortSignal) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private stopping = false;

  constructor(private readonly logger: Logger) {
    process.on('SIGTERM', this.onSignal);
    process.on('SIGINT', this.onSignal);
  }

  /** @param step undoes something; its signal tells that somebody does not want to wait */
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
