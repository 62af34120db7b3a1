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
import { ANALYSES, ANALYSIS_SECONDS } from './access-analysis.metrics.js';
import {
  ANALYSIS_TABLE,
  forgetAnalysis,
  KEPT,
  knownPairs,
  storeAnalysis,
  type TakenAnalysis,
} from './analysis-rows.js';
import { analyseEvents, pairsOf } from './analysis-step.js';
import type { Use } from './use-tally.js';

/** The name by which the job is woken. */
export const ANALYSES_JOB = 'access analyses';

/** For how many days analyses are kept, how many of a zone, and how many rows of their uses go at once. */
const FORGOTTEN = { days: 30, kept: KEPT, most: 10_000 } as const;

/** The job that finds what of the authority of a zone was used. */
@Injectable()
export class Analysing {
  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
    @InjectMetric(ANALYSES) ended: Counter<'result'>,
    @InjectMetric(ANALYSIS_SECONDS) seconds: Histogram,
    jobs: DatabaseJobs,
  ) {
    const job = new ScanJob<TakenAnalysis, readonly Use[]>(
      {
        job: ANALYSES_JOB,
        failing: 'what is used cannot be looked for, trying again',
        called: 'an access analysis',
        idCalled: 'access_analysis_id',
        table: ANALYSIS_TABLE,
        open: (taken) => this.open(taken),
        store: (holder, taken, portion) => storeAnalysis(dataSource, holder, taken, portion),
        forget: () => forgetAnalysis(dataSource, FORGOTTEN),
        ended,
        seconds,
      },
      dataSource,
      logger,
    );
    jobs.add(job.jobTerms);
  }

  private async open(taken: TakenAnalysis): Promise<LookAt<TakenAnalysis, readonly Use[]>> {
    const base = await this.baseOf(taken);
    return async (events, before, decide) => {
      const known = await knownPairs(this.dataSource, taken, pairsOf(events));
      const found = await analyseEvents(events, base, known, before, decide);
      refuseTooSlow(found.progress.tooSlow);
      return found;
    };
  }

  /** @throws {ScanProblem} if it is gone, or not what it was */
  private async baseOf(taken: TakenAnalysis): Promise<BulkSet | null> {
    const { zoneId, basePolicySetVersionId: id, baseManifestSha256: manifestSha256 } = taken;
    if (manifestSha256 === null) return null;
    const loaded = id === null ? null : await loadModules(this.dataSource, zoneId, id);
    if (loaded?.problem !== null || loaded.manifestSha256 !== manifestSha256) {
      throw new ScanProblem('the policies that were active are gone, or are not what they were');
    }
    return { manifestSha256, modules: loaded.modules };
  }
}
