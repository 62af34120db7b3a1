import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import { newId } from '../../platform/uuid-v7.js';
import { decideInBulk, type BulkSet } from '../../policy/background/decide-in-bulk.js';
import { UncompilablePolicy } from '../../policy/engine/compile.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import { FailedAttempts, MAX_ATTEMPTS } from '../log-scans/failed-attempts.js';
import { beginningOf, readPortion } from '../policy-replays/replay-rows.js';
import { MAX_SLOW } from '../policy-replays/replay-step.js';
import { ANALYSES, ANALYSIS_SECONDS } from './access-analysis.metrics.js';
import {
  failAnalysis,
  forgetAnalysis,
  keepAnalysis,
  knownPairs,
  LEASE_SECONDS,
  leaveAnalysis,
  storeAnalysis,
  takeAnalysis,
  type TakenAnalysis,
} from './analysis-rows.js';
import { analyseEvents, pairsOf } from './analysis-step.js';

/** The name by which the job is woken. */
export const ANALYSES_JOB = 'access analyses';
/** Analyses that are kept of one zone; older ones go when there is another. */
export const KEPT = 10;

/** Milliseconds between two looks while there are analyses, and when nothing wakes it. */
const BUSY_MS = 1_000;
const IDLE_MS = 10_000;
/** Milliseconds for which a look goes on with one analysis, before others have their turn. */
const TURN_MS = 2_000;
/** How much of the log is read at once. */
const PORTION = { rows: 200, bytes: 1_024 * 1_024 } as const;
/** Milliseconds between two looks for what is to be forgotten. */
const TIDY_MS = 600_000;
/** For how many days analyses are kept, how many of a zone, and how many rows of their uses go at once. */
const FORGOTTEN = { days: 30, kept: KEPT, most: 10_000 } as const;

/** What its operator is told of an analysis that was given up. What went wrong is for the log. */
const STUCK = `it could not go on, ${MAX_ATTEMPTS} times in a row: the log of the server says why`;

/** Thrown when an analysis is another process's by now, or was cancelled. */
class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Thrown when the process stops. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Why an analysis cannot go on, for its operator. */
class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/**
 * The job that finds what of the authority of a zone was used: a portion of its log at a time, each read by one statement and
 * stored by another, on a connection for operators who read, like the job that replays decisions. It rests for as long as it
 * has worked. What a crash leaves undone another process goes on with once the lease is over.
 */
@Injectable()
export class Analysing {
  private readonly holder = newId();
  private readonly attempts = new FailedAttempts();
  private tidyAt = 0;

  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(ANALYSES) private readonly ended: Counter<'result'>,
    @InjectMetric(ANALYSIS_SECONDS) private readonly seconds: Histogram,
    jobs: DatabaseJobs,
  ) {
    jobs.add({
      name: ANALYSES_JOB,
      failing: 'what is used cannot be looked for, trying again',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      restMs: (tookMs) => tookMs,
      look: (stopped) => this.look(stopped),
    });
  }

  private async look(stopped: AbortSignal): Promise<Look> {
    const taken = await takeAnalysis(this.dataSource, this.holder);
    if (taken !== null) {
      const from = performance.now();
      await this.goOnWith(taken, stopped);
      this.seconds.observe((performance.now() - from) / 1_000);
      return 'more';
    }
    if (performance.now() >= this.tidyAt) {
      this.tidyAt = performance.now() + TIDY_MS;
      if (await forgetAnalysis(this.dataSource, FORGOTTEN)) {
        this.tidyAt = 0;
        return 'more';
      }
    }
    return 'nothing';
  }

  private async goOnWith(taken: TakenAnalysis, stopped: AbortSignal): Promise<void> {
    try {
      await this.analyse(taken, stopped);
    } catch (error) {
      if (error instanceof NotOurs) return;
      const problem = problemOf(error);
      if (problem !== null) {
        await this.fail(taken, problem);
      } else if (stopped.aborted) await leaveAnalysis(this.dataSource, this.holder, taken);
      else await this.tryLater(taken, error);
    }
  }

  private async tryLater(taken: TakenAnalysis, error: unknown): Promise<void> {
    const about = { err: error, zone_id: taken.zoneId, access_analysis_id: taken.id };
    const seconds = this.attempts.next(taken);
    if (seconds === null) {
      await this.fail(taken, STUCK);
      this.logger.warn(about, 'an access analysis could not go on, and was given up');
      return;
    }
    this.logger.warn(about, 'an access analysis could not go on, trying again');
    await leaveAnalysis(this.dataSource, this.holder, taken, seconds);
  }

  private async fail(taken: TakenAnalysis, problem: string): Promise<void> {
    await failAnalysis(this.dataSource, this.holder, taken, problem);
    this.ended.inc({ result: 'failed' });
  }

  private async analyse(first: TakenAnalysis, stopped: AbortSignal): Promise<void> {
    const until = performance.now() + TURN_MS;
    const base = await this.baseOf(first);
    let taken: TakenAnalysis | null = first;
    while (taken !== null && !stopped.aborted && performance.now() < until) {
      // oxlint-disable-next-line no-await-in-loop -- one portion after the other
      taken = await this.analysePortion(taken, base, stopped);
    }
    if (taken !== null) await leaveAnalysis(this.dataSource, this.holder, taken);
  }

  /** @returns where it goes on; `null` once it is over */
  private async analysePortion(
    taken: TakenAnalysis,
    base: BulkSet | null,
    stopped: AbortSignal,
  ): Promise<TakenAnalysis | null> {
    const { events, isLast } = await readPortion(this.dataSource, taken, PORTION);
    const beginsMs = taken.progress.beginsMs ?? (await beginningOf(this.dataSource, taken));
    const known = await knownPairs(this.dataSource, taken, pairsOf(events));
    const goOn = this.keeping(taken, stopped);
    const { last, progress, uses } = await analyseEvents(
      events,
      base,
      known,
      { ...taken.progress, beginsMs },
      async (set, inputs) => {
        await goOn();
        return decideInBulk(set, inputs, goOn);
      },
    );
    if (progress.tooSlow > MAX_SLOW) {
      throw new Unreadable(`more than ${MAX_SLOW} decisions took too long`);
    }
    const cursorId = last ?? taken.cursorId;
    const isOver = isLast || progress.stoppedBy !== null;
    const portion = { cursorId, progress, uses, isOver };
    const goesOn = await storeAnalysis(this.dataSource, this.holder, taken, portion);
    if (goesOn === null) throw new NotOurs();
    if (!goesOn) this.ended.inc({ result: 'done' });
    return goesOn ? { ...taken, cursorId, progress } : null;
  }

  /** What keeps the lease while decisions are slow. @returns what throws {@link NotOurs}, or {@link Stopped} */
  private keeping(taken: TakenAnalysis, stopped: AbortSignal): () => Promise<void> {
    let keptAt = performance.now();
    return async () => {
      if (stopped.aborted) throw new Stopped();
      if (performance.now() - keptAt < (LEASE_SECONDS * 1_000) / 4) return;
      keptAt = performance.now();
      if (!(await keepAnalysis(this.dataSource, this.holder, taken))) throw new NotOurs();
    };
  }

  /** @throws {Unreadable} if it is gone, or not what it was */
  private async baseOf(taken: TakenAnalysis): Promise<BulkSet | null> {
    const { zoneId, basePolicySetVersionId: id, baseManifestSha256: manifestSha256 } = taken;
    if (manifestSha256 === null) return null;
    const loaded = id === null ? null : await loadModules(this.dataSource, zoneId, id);
    if (loaded?.problem !== null || loaded.manifestSha256 !== manifestSha256) {
      throw new Unreadable('the policies that were active are gone, or are not what they were');
    }
    return { manifestSha256, modules: loaded.modules };
  }
}

/** What is said of an error that comes again; `null` for one that may not. */
function problemOf(error: unknown): string | null {
  if (error instanceof Unreadable) return error.message;
  if (error instanceof UncompilablePolicy) return `the policies do not compile: ${error.message}`;
  return null;
}
