import type { Logger } from 'pino';
import type { Counter, Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import type { JobTerms, Look } from '../../platform/database/database-job.js';
import { PerShard } from '../../platform/database/shard-scope.js';
import { newId } from '../../platform/uuid-v7.js';
import { decideInBulk } from '../../policy/background/decide-in-bulk.js';
import { UncompilablePolicy } from '../../policy/engine/compile.js';
import { FailedAttempts, MAX_ATTEMPTS } from './failed-attempts.js';
import { beginningOf, readPortion, type ReadEvent } from './log-portion.js';
import { ScanProblem, type DecideInputs, type TakenScan } from './scan.js';
import { LEASE_SECONDS, type ScanTable } from './scan-table.js';

/** Milliseconds between two looks while there are scans, and when nothing wakes the job. */
const BUSY_MS = 1_000;
const IDLE_MS = 10_000;
/** Milliseconds for which a look goes on with one scan, before others have their turn. */
const TURN_MS = 2_000;
/** How much of the log is read at once. */
const PORTION = { rows: 200, bytes: 1_024 * 1_024 } as const;
/** Milliseconds between two looks for what is to be forgotten. */
const TIDY_MS = 600_000;

/** What an operator is told of a scan that was given up. What went wrong is for the log. */
const STUCK = `it could not go on, ${MAX_ATTEMPTS} times in a row: the log of the server says why`;

/** Thrown when a scan is another process's by now, or was cancelled. */
class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Thrown when the process stops. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** What a look at a portion of the log has come to. */
export interface ScanStep<Taken extends TakenScan, Found> {
  /** The last event that was looked at; `null` if there was none. */
  readonly last: string | null;
  readonly progress: Taken['progress'];
  readonly found: Found;
}

/** What a portion has come to, to be stored. */
export interface ScannedPortion<Taken extends TakenScan, Found> {
  readonly cursorId: string | null;
  readonly progress: Taken['progress'];
  readonly found: Found;
  /** Whether there is nothing more to look at. */
  readonly isOver: boolean;
}

/**
 * Looks at a portion of the log.
 *
 * @param events the newest first
 * @param before what was counted up to here
 * @throws {ScanProblem}
 */
export type LookAt<Taken extends TakenScan, Found> = (
  events: readonly ReadEvent[],
  before: Taken['progress'],
  decide: DecideInputs,
) => Promise<ScanStep<Taken, Found>>;

/** What one kind of scan is. */
export interface ScanTerms<Taken extends TakenScan, Found> {
  /** The name by which its job is woken. */
  readonly job: string;
  /** What the log says when it cannot look. */
  readonly failing: string;
  /** What the log calls one, and its id. */
  readonly called: string;
  readonly idCalled: string;
  readonly table: ScanTable<Taken>;
  /** Reads what all portions of a turn need, such as policies. @throws {ScanProblem} */
  readonly open: (taken: Taken) => Promise<LookAt<Taken, Found>>;
  /**
   * Stores what a portion has come to together with the place in the log that was come to.
   *
   * @returns whether the scan goes on; `null` if it is another process's by now, or was cancelled
   */
  readonly store: (
    holder: string,
    taken: Taken,
    portion: ScannedPortion<Taken, Found>,
  ) => Promise<boolean | null>;
  /** Forgets some of those that were over long ago. @returns whether there may be more */
  readonly forget: () => Promise<boolean>;
  /** Counts scans that have ended, and the seconds of each turn. */
  readonly ended: Counter<'result'>;
  readonly seconds: Histogram;
}

/**
 * The job that goes on with the scans of one kind: from the newest to the oldest event of a zone's log, a portion at a time,
 * each read by one statement and stored by another, on a connection for operators who read. Decisions are made on a thread of a
 * low priority. It rests for as long as it has worked. What a crash leaves undone another process goes on with once the lease
 * is over. What goes wrong for another reason than what is scanned is tried again for some minutes.
 */
export class ScanJob<Taken extends TakenScan, Found> {
  private readonly holder = newId();
  private readonly attempts = new FailedAttempts();
  private readonly tidying = new PerShard(() => ({ at: 0 }));

  constructor(
    private readonly terms: ScanTerms<Taken, Found>,
    private readonly dataSource: DataSource,
    private readonly logger: Logger,
  ) {}

  /** When it looks, for those who run jobs. */
  get jobTerms(): JobTerms {
    return {
      name: this.terms.job,
      failing: this.terms.failing,
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      restMs: (tookMs) => tookMs,
      look: (stopped) => this.look(stopped),
    };
  }

  private async look(stopped: AbortSignal): Promise<Look> {
    const taken = await this.terms.table.take(this.dataSource, this.holder);
    if (taken !== null) {
      const from = performance.now();
      await this.goOnWith(taken, stopped);
      this.terms.seconds.observe((performance.now() - from) / 1_000);
      return 'more';
    }
    const next = this.tidying.current;
    if (performance.now() >= next.at) {
      next.at = performance.now() + TIDY_MS;
      if (await this.terms.forget()) {
        next.at = 0;
        return 'more';
      }
    }
    return 'nothing';
  }

  private async goOnWith(taken: Taken, stopped: AbortSignal): Promise<void> {
    try {
      await this.takeTurn(taken, stopped);
    } catch (error) {
      if (error instanceof NotOurs) return;
      const problem = problemOf(error);
      if (problem !== null) await this.fail(taken, problem);
      else if (stopped.aborted) await this.terms.table.leave(this.dataSource, this.holder, taken);
      else await this.tryLater(taken, error);
    }
  }

  private async fail(taken: Taken, problem: string): Promise<void> {
    const { table, ended, called } = this.terms;
    if (!(await table.fail(this.dataSource, this.holder, taken, problem))) return;
    ended.inc({ result: 'failed' });
    this.logger.info({ ...this.about(taken), problem }, `${called} failed`);
  }

  /** What this process cannot do now, such as start a thread, it may do later, or another one: but not for ever. */
  private async tryLater(taken: Taken, error: unknown): Promise<void> {
    const about = { err: error, ...this.about(taken) };
    const seconds = this.attempts.next(taken);
    if (seconds === null) {
      this.logger.warn(about, `${this.terms.called} could not go on, and was given up`);
      await this.fail(taken, STUCK);
      return;
    }
    this.logger.warn(about, `${this.terms.called} could not go on, trying again`);
    await this.terms.table.leave(this.dataSource, this.holder, taken, seconds);
  }

  private about({ zoneId, id }: Taken): Readonly<Record<string, string>> {
    return { zone_id: zoneId, [this.terms.idCalled]: id };
  }

  private async takeTurn(first: Taken, stopped: AbortSignal): Promise<void> {
    const until = performance.now() + TURN_MS;
    const lookAt = await this.terms.open(first);
    let taken: Taken | null = first;
    while (taken !== null && !stopped.aborted && performance.now() < until) {
      // oxlint-disable-next-line no-await-in-loop -- one portion after the other
      taken = await this.scanPortion(taken, lookAt, stopped);
    }
    if (taken !== null) await this.terms.table.leave(this.dataSource, this.holder, taken);
  }

  /** @returns where it goes on; `null` once it is over */
  private async scanPortion(
    taken: Taken,
    lookAt: LookAt<Taken, Found>,
    stopped: AbortSignal,
  ): Promise<Taken | null> {
    const { events, isLast } = await readPortion(this.dataSource, taken, PORTION);
    const beginsMs = taken.progress.beginsMs ?? (await beginningOf(this.dataSource, taken));
    const goOn = this.keeping(taken, stopped);
    const { last, progress, found } = await lookAt(
      events,
      { ...taken.progress, beginsMs },
      async (set, inputs) => {
        await goOn();
        return decideInBulk(set, inputs, goOn);
      },
    );
    const cursorId = last ?? taken.cursorId;
    const isOver = isLast || progress.stoppedBy !== null;
    const portion = { cursorId, progress, found, isOver };
    const goesOn = await this.terms.store(this.holder, taken, portion);
    if (goesOn === null) throw new NotOurs();
    if (goesOn) return { ...taken, cursorId, progress };
    this.terms.ended.inc({ result: 'done' });
    return null;
  }

  /** What keeps the lease while decisions are slow. @returns what throws {@link NotOurs}, or {@link Stopped} */
  private keeping(taken: Taken, stopped: AbortSignal): () => Promise<void> {
    let keptAt = performance.now();
    return async () => {
      if (stopped.aborted) throw new Stopped();
      if (performance.now() - keptAt < (LEASE_SECONDS * 1_000) / 4) return;
      keptAt = performance.now();
      if (!(await this.terms.table.keep(this.dataSource, this.holder, taken))) throw new NotOurs();
    };
  }
}

/** What is said of an error that comes again; `null` for one that may not. */
function problemOf(error: unknown): string | null {
  if (error instanceof ScanProblem) return error.message;
  if (error instanceof UncompilablePolicy) return `the policies do not compile: ${error.message}`;
  return null;
}
