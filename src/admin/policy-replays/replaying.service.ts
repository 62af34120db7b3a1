import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import type { BulkSet } from '../../policy/background/decide-in-bulk.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import { refuseTooSlow, ScanProblem } from '../log-scans/scan.js';
import { ScanJob, type LookAt } from '../log-scans/scan-job.js';
import { REPLAY_SECONDS, REPLAYS } from './policy-replay.metrics.js';
import {
  forgetReplays,
  readGroups,
  REPLAY_TABLE,
  storePortion,
  type TakenReplay,
} from './replay-rows.js';
import { replayEvents, type ComparedSets } from './replay-step.js';
import { groupOf, ReplayTally, type ReplayDifference } from './replay-tally.js';

/** The name by which the job is woken. */
export const REPLAYS_JOB = 'policy replays';

/** After how many days replays are forgotten, and how many go at once. */
export const KEPT_DAYS = 30;
const TIDIED = 20;

/** The job that makes recorded decisions again by candidate policies, and by those that were active beside. */
@Injectable()
export class Replaying {
  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
    @InjectMetric(REPLAYS) ended: Counter<'result'>,
    @InjectMetric(REPLAY_SECONDS) seconds: Histogram,
    jobs: DatabaseJobs,
  ) {
    const job = new ScanJob<TakenReplay, readonly ReplayDifference[]>(
      {
        job: REPLAYS_JOB,
        failing: 'recorded decisions cannot be replayed, trying again',
        called: 'a replay',
        idCalled: 'replay_id',
        table: REPLAY_TABLE,
        open: (taken) => this.open(taken),
        store: (holder, taken, portion) => storePortion(dataSource, holder, taken, portion),
        forget: async () => {
          await forgetReplays(dataSource, KEPT_DAYS, TIDIED);
          return false;
        },
        ended,
        seconds,
      },
      dataSource,
      logger,
    );
    jobs.add(job.jobTerms);
  }

  private async open(
    taken: TakenReplay,
  ): Promise<LookAt<TakenReplay, readonly ReplayDifference[]>> {
    const sets = await this.setsOf(taken);
    const groups = new Set((await readGroups(this.dataSource, taken)).map(groupOf));
    return async (events, before, decide) => {
      const tally = new ReplayTally(before, groups);
      const last = await replayEvents(events, sets, taken, tally, decide);
      const progress = tally.counted;
      refuseTooSlow(progress.notReplayed.tooSlow);
      return { last, progress, found: tally.found() };
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

  /** @throws {ScanProblem} if it is gone, or not what it was */
  private async stored(
    zoneId: string,
    setVersionId: string | null,
    manifestSha256: string,
  ): Promise<BulkSet> {
    if (setVersionId === null) throw new ScanProblem('the policies are gone');
    const loaded = await loadModules(this.dataSource, zoneId, setVersionId);
    if (loaded.problem !== null) throw new ScanProblem(loaded.problem);
    if (loaded.manifestSha256 !== manifestSha256) {
      throw new ScanProblem(
        'a policy set version is gone, or the policies do not match their hash',
      );
    }
    return { manifestSha256, modules: loaded.modules };
  }
}
