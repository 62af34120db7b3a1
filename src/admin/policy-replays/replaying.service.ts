import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import { newId } from '../../platform/uuid-v7.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import { decideInBulk, type BulkSet } from '../../policy/background/decide-in-bulk.js';
import { UncompilablePolicy } from '../../policy/engine/compile.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import { FailedAttempts, MAX_ATTEMPTS } from '../log-scans/failed-attempts.js';
import { REPLAY_SECONDS, REPLAYS } from './policy-replay.metrics.js';
import {
  beginningOf,
  failReplay,
  forgetReplays,
  keepReplay,
  LEASE_SECONDS,
  leaveReplay,
  readGroups,
  readPortion,
  storePortion,
  takeReplay,
  type StoredPortion,
  type TakenReplay,
} from './replay-rows.js';
import { isTooSlow, MAX_SLOW, replayEvents, type ComparedSets } from './replay-step.js';
import { groupOf, ReplayTally } from './replay-tally.js';

/** The name by which the job is woken. */
export const REPLAYS_JOB = 'policy replays';

/** Milliseconds between two looks while there are replays, and when nothing wakes it. */
const BUSY_MS = 1_000;
const IDLE_MS = 10_000;
/** Milliseconds for which a look goes on with one replay, before others have their turn. */
const TURN_MS = 2_000;
/** How much of the log is read at once. */
const PORTION = { rows: 200, bytes: 1_024 * 1_024 } as const;
/** Milliseconds between two looks for what is to be forgotten, after how many days, and how many go at once. */
const TIDY_MS = 600_000;
export const KEPT_DAYS = 30;
const TIDIED = 20;

/** What its operator is told of a replay that was given up. What went wrong is for the log. */
const STUCK = `it could not go on, ${MAX_ATTEMPTS} times in a row: the log of the server says why`;

/** Thrown when a replay is another process's by now, or was cancelled. */
class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Thrown when the process stops. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Why a replay cannot go on, for its operator. */
class Unplayable extends Error {
  override readonly name = 'Unplayable';
}

/**
 * The job that makes recorded decisions again by candidate policies: a portion of the log at a time, each read by one
 * statement and stored by another, on a connection for operators who read. The decisions themselves are made on a thread of
 * a low priority. It rests for as long as it has worked. What a crash leaves undone another process goes on with once the
 * lease is over. What goes wrong for another reason than the policies is tried again for some minutes.
 */
@Injectable()
export class Replaying {
  private readonly holder = newId();
  private readonly attempts = new FailedAttempts();
  private tidyAt = 0;

  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(REPLAYS) private readonly ended: Counter<'result'>,
    @InjectMetric(REPLAY_SECONDS) private readonly seconds: Histogram,
    jobs: DatabaseJobs,
  ) {
    jobs.add({
      name: REPLAYS_JOB,
      failing: 'recorded decisions cannot be replayed, trying again',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      restMs: (tookMs) => tookMs,
      look: (stopped) => this.look(stopped),
    });
  }

  private async look(stopped: AbortSignal): Promise<Look> {
    const taken = await takeReplay(this.dataSource, this.holder);
    if (taken !== null) {
      const from = performance.now();
      await this.goOnWith(taken, stopped);
      this.seconds.observe((performance.now() - from) / 1_000);
      return 'more';
    }
    if (performance.now() >= this.tidyAt) {
      this.tidyAt = performance.now() + TIDY_MS;
      await forgetReplays(this.dataSource, KEPT_DAYS, TIDIED);
    }
    return 'nothing';
  }

  private async goOnWith(taken: TakenReplay, stopped: AbortSignal): Promise<void> {
    try {
      await this.replay(taken, stopped);
    } catch (error) {
      if (error instanceof NotOurs) return;
      if (stopped.aborted) await leaveReplay(this.dataSource, this.holder, taken);
      else await this.tryLater(taken, error);
    }
  }

  /** What this process cannot do now, such as start a thread, it may do later, or another one: but not for ever. */
  private async tryLater(taken: TakenReplay, error: unknown): Promise<void> {
    const about = { err: error, zone_id: taken.zoneId, replay_id: taken.id };
    const seconds = this.attempts.next(taken);
    if (seconds === null) {
      await failReplay(this.dataSource, this.holder, taken, STUCK);
      this.ended.inc({ result: 'failed' });
      this.logger.warn(about, 'a replay could not go on, and was given up');
      return;
    }
    this.logger.warn(about, 'a replay could not go on, trying again');
    await leaveReplay(this.dataSource, this.holder, taken, seconds);
  }

  private async replay(first: TakenReplay, stopped: AbortSignal): Promise<void> {
    const until = performance.now() + TURN_MS;
    let taken = first;
    try {
      const sets = await this.setsOf(first);
      const groups = new Set((await readGroups(this.dataSource, first)).map(groupOf));
      while (!stopped.aborted && performance.now() < until) {
        // oxlint-disable-next-line no-await-in-loop -- one portion after the other
        const stored = await this.replayPortion(taken, sets, groups, stopped);
        if (stored.state !== 'running') return;
        taken = { ...taken, cursorId: stored.cursorId, progress: stored.progress };
      }
    } catch (error) {
      const problem = problemOf(error);
      if (problem === null) throw error;
      const { cursorId, progress } = taken;
      await this.store(taken, { cursorId, progress, differences: [], state: 'failed', problem });
      this.logger.info({ zone_id: first.zoneId, replay_id: first.id, problem }, 'a replay failed');
      return;
    }
    await leaveReplay(this.dataSource, this.holder, taken);
  }

  private async replayPortion(
    taken: TakenReplay,
    sets: ComparedSets,
    groups: Set<string>,
    stopped: AbortSignal,
  ): Promise<StoredPortion> {
    const { events, isLast } = await readPortion(this.dataSource, taken, PORTION);
    const beginsMs = taken.progress.beginsMs ?? (await beginningOf(this.dataSource, taken));
    const tally = new ReplayTally({ ...taken.progress, beginsMs }, groups);
    const goOn = this.keeping(taken, stopped);
    const last = await replayEvents(events, sets, taken, tally, (set, inputs) =>
      decideInBulk(set, inputs, goOn),
    );
    const progress = tally.counted;
    if (isTooSlow(progress)) {
      throw new Unplayable(`more than ${MAX_SLOW} decisions took too long`);
    }
    const portion: StoredPortion = {
      cursorId: last ?? taken.cursorId,
      progress,
      differences: tally.found(),
      state: isLast || progress.stoppedBy !== null ? 'done' : 'running',
      problem: null,
    };
    await this.store(taken, portion);
    return portion;
  }

  /** @throws {NotOurs} */
  private async store(taken: TakenReplay, portion: StoredPortion): Promise<void> {
    if (!(await storePortion(this.dataSource, this.holder, taken, portion))) throw new NotOurs();
    if (portion.state !== 'running') this.ended.inc({ result: portion.state });
  }

  /** What keeps the lease while decisions are slow. @returns what throws {@link NotOurs}, or {@link Stopped} */
  private keeping(taken: TakenReplay, stopped: AbortSignal): () => Promise<void> {
    let keptAt = performance.now();
    return async () => {
      if (stopped.aborted) throw new Stopped();
      if (performance.now() - keptAt < (LEASE_SECONDS * 1_000) / 4) return;
      keptAt = performance.now();
      if (!(await keepReplay(this.dataSource, this.holder, taken))) throw new NotOurs();
    };
  }

  private async setsOf(taken: TakenReplay): Promise<ComparedSets> {
    const { modules, manifestSha256, policySetVersionId, baseManifestSha256 } = taken;
    const { basePolicySetVersionId } = taken;
    const candidate =
      modules === null
        ? await this.stored(taken.zoneId, policySetVersionId, manifestSha256)
        : { manifestSha256, modules };
    const base =
      baseManifestSha256 === null
        ? null
        : await this.stored(taken.zoneId, basePolicySetVersionId, baseManifestSha256);
    return { candidate, base };
  }

  /** @throws {Unplayable} if it is gone, or not what it was */
  private async stored(
    zoneId: string,
    setVersionId: string | null,
    manifestSha256: string,
  ): Promise<BulkSet> {
    if (setVersionId === null) throw new Unplayable('the policies are gone');
    const loaded = await loadModules(this.dataSource, zoneId, setVersionId);
    if (loaded.problem !== null) throw new Unplayable(loaded.problem);
    if (loaded.manifestSha256 !== manifestSha256) {
      throw new Unplayable('a policy set version is gone, or the policies do not match their hash');
    }
    return { manifestSha256, modules: loaded.modules };
  }
}

/** What is said of an error that comes again; `null` for one that may not. */
function problemOf(error: unknown): string | null {
  if (error instanceof Unplayable) return error.message;
  if (error instanceof UncompilablePolicy) return `the policies do not compile: ${error.message}`;
  return null;
}
