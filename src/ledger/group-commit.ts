import { setImmediate as nextTurn } from 'node:timers/promises';

/** An observer of the batches, for metrics. */
export interface BatchObserver {
  /** Called after each batch that was answered. */
  batch(size: number, seconds: number): void;
}

/** Bounds of a {@link GroupCommit}. */
export interface GroupCommitLimits {
  /** The most entries in one batch. */
  readonly maxBatch: number;
  /** The most entries that may wait; more are refused at once. */
  readonly maxWaiting: number;
  /** Milliseconds that an entry may wait to be sent. */
  readonly maxWaitMs: number;
}

/** Thrown for an entry that was never sent. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

interface Waiting<E, R> {
  readonly entry: E;
  readonly since: number;
  readonly resolve: (result: R | PromiseLike<R>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Batches concurrent entries into shared round trips: while one batch is in flight the next fills up.
 * Without load an entry is sent alone, after one turn of the event loop; under load batches grow by themselves.
 */
export class GroupCommit<E, R> {
  private waiting: Waiting<E, R>[] = [];
  private inFlight = false;

  /**
   * @param send commits a batch and returns the result of each entry, in order; a promise for one that
   *   goes on elsewhere, which the next batch does not wait for
   */
  constructor(
    private readonly send: (batch: readonly E[]) => Promise<readonly (R | PromiseLike<R>)[]>,
    private readonly limits: GroupCommitLimits,
    private readonly observer?: BatchObserver,
  ) {}

  /**
   * Adds an entry to the next batch.
   *
   * @returns the entry's own result
   * @throws {NotSent} if too many wait or it waited too long; otherwise the error of its batch
   */
  submit(entry: E): Promise<R> {
    if (this.waiting.length >= this.limits.maxWaiting) {
      return Promise.reject(new NotSent('too many entries wait'));
    }
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ entry, since: performance.now(), resolve, reject });
      if (!this.inFlight) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.inFlight = true;
    while (this.waiting.length > 0) {
      // What is about to be submitted in this turn, by requests whose answers came together, goes along.
      await nextTurn();
      const batch = this.takeBatch();
      if (batch.length > 0) await this.commit(batch);
    }
    this.inFlight = false;
  }

  private takeBatch(): Waiting<E, R>[] {
    const oldest = performance.now() - this.limits.maxWaitMs;
    const taken = this.waiting.splice(0, this.limits.maxBatch);
    const fresh = taken.filter(({ since }) => since >= oldest);
    for (const entry of taken) {
      if (entry.since < oldest) entry.reject(new NotSent('waited too long'));
    }
    return fresh;
  }

  private async commit(batch: readonly Waiting<E, R>[]): Promise<void> {
    const started = performance.now();
    try {
      const results = await this.send(batch.map(({ entry }) => entry));
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i];
        if (result === undefined) reject(new Error('fewer answers than entries'));
        else resolve(result);
      });
      this.observer?.batch(batch.length, (performance.now() - started) / 1_000);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
