import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** Milliseconds before its time is over at which the process exits, finished or not. */
const MARGIN_MS = 500;
/** The share of its time that requests in flight may take. */
const FINISH_SHARE = 0.3;

/** How long it may take, in seconds. */
export interface StopTimes {
  /** For which requests are still accepted, while load balancers see that no more are wanted. */
  readonly drainSeconds: number;
  /** After that, within which the process ends. */
  readonly stopSeconds: number;
}

/**
 * The graceful shutdown: runs the steps that were added so far, the last one first, and ends the process. It is begun
 * by SIGTERM and SIGINT ({@link obeySignals}), or by the process that this one is a worker of; a second signal
 * ends the drain, and the waiting of any other step.
 */
export class Shutdown {
  private readonly steps: ((abort: AbortSignal) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private begun = false;
  private drainMs = 0;
  private late: NodeJS.Timeout | undefined;
  private exit: (() => void) | undefined;
  private begunAt = 0;

  /**
   * @param times of this process: it ends within the sum of both after the first signal
   * @param marginMs milliseconds before that at which it exits, finished or not
   * @param end ends the process
   */
  constructor(
    private readonly logger: Pick<Logger, 'info' | 'error'>,
    private readonly times: StopTimes,
    private readonly marginMs = MARGIN_MS,
    private readonly end: (exitCode: number) => void = (exitCode) => process.exit(exitCode),
  ) {}

  /** Milliseconds that requests in flight may take. */
  get finishMs(): number {
    return this.times.stopSeconds * 1_000 * FINISH_SHARE;
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
      this.begin(0, { drain: true });
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  /**
   * Stops everything, and ends the process. Once.
   *
   * @param exitCode of the process
   * @param drain whether requests are still accepted for a while: not where another process takes them at once
   */
  begin(exitCode: number, { drain }: { readonly drain: boolean }): void {
    if (this.begun) return;
    this.begun = true;
    if (drain) this.drainMs = this.times.drainSeconds * 1_000;
    this.begunAt = performance.now();
    const exit = (): void => this.end(exitCode);
    this.exit = exit;
    this.exitAfter(this.drainMs + this.stopMs);
    void this.stop()
      .finally(() => clearTimeout(this.late))
      .then(exit);
  }

  /** Waits until no more requests are to be accepted. */
  async drained(): Promise<void> {
    await sleep(this.drainMs, undefined, { signal: this.abort.signal }).catch(() => {});
  }

  /** Ends the drain, of which nothing is left for the rest, and the waiting of the running step. */
  hurry(): void {
    const drainedMs = performance.now() - this.begunAt;
    if (!this.abort.signal.aborted && drainedMs < this.drainMs) this.exitAfter(this.stopMs);
    this.abort.abort();
  }

  private get stopMs(): number {
    return this.times.stopSeconds * 1_000;
  }

  private exitAfter(ms: number): void {
    if (this.exit === undefined) return;
    clearTimeout(this.late);
    this.late = setTimeout(this.exit, ms - this.marginMs).unref();
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
