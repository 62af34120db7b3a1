import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { Periodic } from '../platform/periodic.js';
import { INDEXED, INDEX_LAG } from './audit-index.metrics.js';

/** About how many events are added in one transaction. */
const AT_ONCE = 1_000;
/** Milliseconds until the next look where there was little to add, where there is more at once, and after a failure. */
const IDLE_MS = 3_000;
const BUSY_MS = 500;
const AGAIN_MS = 10_000;
/** How many times as long as a look took there is none, and the most milliseconds that this may be. */
const REST = 20;
const MOST_IDLE_MS = 30_000;

/**
 * The job that fills the index of the audit log, behind the commits: in short transactions, one replica at a time
 * (`audit_index_fill` in audit-index.sql). While there is much it rests for as long as it has worked, so that it has half of
 * one connection at most; where there is little, for longer: a look reads the heads of all chains, of which an
 * installation of many zones has many.
 */
@Injectable()
export class AuditIndexing implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(INDEX_LAG) private readonly lag: Gauge,
    @InjectMetric(INDEXED) private readonly indexed: Counter,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(0));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async run(): Promise<number> {
    try {
      const began = performance.now();
      const [filled] = await this.dataSource.query<{ added: number | null }[]>(FILL, [AT_ONCE]);
      const took = performance.now() - began;
      const added = filled?.added ?? 0;
      this.indexed.inc(added);
      // Another replica is at it, or there may be more than one share.
      if (added >= AT_ONCE / 2) return Math.min(took, BUSY_MS);
      const [behind] = await this.dataSource.query<{ seconds: number }[]>(LAG);
      this.lag.set(behind?.seconds ?? 0);
      return Math.min(Math.max(IDLE_MS, REST * (performance.now() - began)), MOST_IDLE_MS);
    } catch (error) {
      this.logger.warn({ err: error }, 'the audit log was not indexed, trying again');
      return AGAIN_MS;
    }
  }
}

const FILL = 'SELECT audit_index_fill($1) AS added';
const LAG = 'SELECT audit_index_lag() AS seconds';
