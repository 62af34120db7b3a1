import type { Logger } from 'pino';

/**
 * What a look has come to. `more`: there is more to be done now. `waiting`: there is something that cannot be done just
 * now, since it is locked, or enough is under way. `nothing`: there is nothing.
 */
export type Look = 'more' | 'waiting' | 'nothing';

/** What a background job does, and how often it looks whether there is something to do. */
export interface JobTerms {
  /** As `wake_job` in SQL and log lines call it. */
  readonly name: string;
  /** What the log says when it cannot look: once, until it can again. */
  readonly failing: string;
  /** Looks once, and does a bounded share of what it finds. Asks `stopped` in between if that takes long. */
  readonly look: (stopped: AbortSignal) => Promise<Look>;
  /** Milliseconds between two looks while there is something to do, and for {@link LINGER_MS} after that. */
  readonly busyMs: number;
  /** Milliseconds between two looks while nothing wakes it: how late it is where a notification was lost. */
  readonly idleMs: number;
  /** Milliseconds to rest after a look that found more, given how many it took, whoever wakes it. None unless this says so. */
  readonly restMs?: (tookMs: number) => number;
}

/**
 * Milliseconds for which a job goes on looking often after there was something to do. In SQL nobody wakes a job that
 * has work already (`wake_job`), so a transaction that was begun then may be committed after the job was through.
 */
export const LINGER_MS = 2_000;
/** The least milliseconds between two looks that others ask for. */
const WOKEN_MS = 25;
/** Milliseconds until the next look after one that failed. */
const AWAY_MS = 2_000;
/** The share by which each wait is longer or shorter at random, so that replicas drift apart. */
const SPREAD = 0.2;

/**
 * A background job that looks into the database for something to do: when it is woken, often while there is something,
 * and now and then anyway, since nothing that wakes it is certain to come. It is never at it twice at once. A look that
 * fails is tried again later; the log says so once, and once when it works again.
 */
export class DatabaseJob {
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  /** The look that is under way. */
  private looking: Promise<void> | null = null;
  private begun = false;
  private isFailing = false;
  /** Whether it was woken since the look began that is under way. */
  private woken = false;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private busyUntil = Number.NEGATIVE_INFINITY;
  private restUntil = Number.NEGATIVE_INFINITY;

  /** @param where it looks, for the log; absent where there is one place */
  constructor(
    private readonly terms: JobTerms,
    private readonly logger: Logger,
    private readonly where: { readonly shard?: number } = {},
  ) {}

  get name(): string {
    return this.terms.name;
  }

  /** Whether it looks at all: of the workers of a replica one does. */
  get running(): boolean {
    return this.begun && !this.ended.signal.aborted;
  }

  /** Begins to look. @param afterMs milliseconds until then, unless it is woken before */
  start(afterMs = 0): void {
    this.begun = true;
    this.busyUntil = performance.now() + afterMs + LINGER_MS;
    this.lookAfter(afterMs + spread(this.terms.busyMs));
  }

  /** Says that there may be something to do. Nothing happens if it was not started. */
  wake(): void {
    if (!this.running) return;
    this.busyUntil = performance.now() + LINGER_MS;
    if (this.looking !== null) this.woken = true;
    // While looks fail, being woken changes nothing.
    else if (!this.isFailing) this.lookAfter(this.untilWoken());
  }

  /** Ends it. @returns when the look that is under way is over */
  async stop(): Promise<void> {
    this.ended.abort();
    clearTimeout(this.timer);
    await this.looking;
  }

  private lookAfter(ms: number): void {
    clearTimeout(this.timer);
    if (this.ended.signal.aborted) return;
    // A process that has nothing else to do may end.
    this.timer = setTimeout(() => {
      this.looking = this.run();
    }, ms).unref();
  }

  private async run(): Promise<void> {
    const next = await this.look();
    this.looking = null;
    this.lookAfter(next);
  }

  /** @returns the milliseconds until the next look */
  private async look(): Promise<number> {
    this.woken = false;
    this.lookedAt = performance.now();
    try {
      const found = await this.terms.look(this.ended.signal);
      this.succeeded();
      return this.next(found);
    } catch (error) {
      this.failed(error);
      return spread(AWAY_MS);
    }
  }

  private next(found: Look): number {
    const now = performance.now();
    if (found !== 'nothing') this.busyUntil = now + LINGER_MS;
    if (found === 'more') {
      const rest = this.terms.restMs?.(now - this.lookedAt) ?? 0;
      this.restUntil = now + rest;
      return rest;
    }
    if (this.woken) return this.untilWoken();
    return spread(now < this.busyUntil ? this.terms.busyMs : this.terms.idleMs);
  }

  private untilWoken(): number {
    return Math.max(0, Math.max(this.lookedAt + WOKEN_MS, this.restUntil) - performance.now());
  }

  private succeeded(): void {
    if (!this.isFailing) return;
    this.isFailing = false;
    this.logger.info({ job: this.name, ...this.where }, 'a background job works again');
  }

  private failed(error: unknown): void {
    if (this.ended.signal.aborted) return;
    const again = this.isFailing;
    this.isFailing = true;
    const about = { err: error, job: this.name, ...this.where };
    this.logger[again ? 'debug' : 'warn'](about, this.terms.failing);
  }
}

function spread(ms: number): number {
  return ms * (1 - SPREAD + Math.random() * 2 * SPREAD);
}
