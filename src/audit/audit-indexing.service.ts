import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { Ledger } from '../ledger/ledger.service.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { inEachShard } from '../platform/database/each-shard.js';
import { zoneShardsOf } from '../platform/database/zone-shards.js';
import { Periodic } from '../platform/periodic.js';
import { INDEXED, INDEX_LAG } from './audit-index.metrics.js';
import { fillIndex } from './index-filling.js';
import { RecordedTerms, rememberValues } from './recorded-terms.js';

/** About how many events are added in one transaction, at most. */
const AT_ONCE = 500;
/** How many more after each that went well, where one has failed. */
const MORE = 50;
/** Milliseconds until the next look, at least where there was nothing to add, where there was something, and after a failure. */
const IDLE_MS = 3_000;
const BUSY_MS = 500;
const AGAIN_MS = 10_000;
/** How many times as long as a look took there is none, and the most milliseconds that this may be. */
const REST = 20;
const MOST_IDLE_MS = 30_000;
/** How many events are added at once, at most, of what this process has recorded, and the milliseconds between. */
const OWN_AT_ONCE = 500;
const OWN_MS = 500;
/** Milliseconds until it is tried again where another process is at it. */
const TURN_MS = 50;
/** Milliseconds between two looks how far behind the index is. */
const LOOK_MS = 10_000;

/**
 * What fills the index of the audit log, behind the commits: in short transactions, one process at a time. Each process adds
 * what it has recorded itself, whose terms it knows then (recorded-terms.ts). Whatever is not added so, such as operators'
 * changes and what processes that are gone have recorded, is added by a job, which reads it (index-filling.ts). While there is much it rests for as long as it has worked, so that it has half of
 * one connection at most; where there is little, for longer: a look reads the heads of all chains, of which an
 * installation of many zones has many. What fails is tried again with fewer events: what took too long takes as long again.
 */
@Injectable()
export class AuditIndexing implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() =>
    inEachShard(zoneShardsOf(this.env), () => this.run()),
  );
  private readonly own = new Periodic(() => this.runOwn());
  private readonly recorded = new RecordedTerms();
  private atOnce = AT_ONCE;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query' | 'transaction'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(INDEX_LAG) private readonly lag: Gauge,
    @InjectMetric(INDEXED) private readonly indexed: Counter,
    background: BackgroundWork,
    @Inject(Ledger) ledger: Pick<Ledger, 'tell'>,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'zoneShards'> = {},
  ) {
    background.addJob(() => this.periodic.start(0));
    background.add(() => {
      ledger.tell(({ zone_id: zone, event_id: id }, event) => this.recorded.add(zone, id, event));
      this.own.start(OWN_MS);
    });
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
    this.own.stop();
  }

  /** Adds what this process has recorded. What it does not, another look does. */
  private async runOwn(): Promise<number> {
    if (this.recorded.size === 0) return OWN_MS;
    // What is recorded there is of several shards: each is indexed by the job.
    if (zoneShardsOf(this.env) !== null) {
      this.recorded.take(OWN_AT_ONCE);
      return OWN_MS;
    }
    const began = performance.now();
    const taken = this.recorded.take(OWN_AT_ONCE);
    try {
      const values = rememberValues(taken);
      const [answer] = await this.dataSource.query<{ added: number | null }[]>(REMEMBER, values);
      const added = answer?.added ?? null;
      if (added === null) {
        this.recorded.giveBack(taken);
        return TURN_MS;
      }
      this.indexed.inc(added);
    } catch (error) {
      this.logger.warn({ err: error }, 'what was recorded was not indexed at once');
      return AGAIN_MS;
    }
    const took = performance.now() - began;
    return this.recorded.isMuch(OWN_AT_ONCE) ? took : Math.max(OWN_MS, took);
  }

  private async run(): Promise<number> {
    const began = performance.now();
    try {
      const added = await fillIndex(this.dataSource, this.atOnce);
      const took = performance.now() - began;
      this.indexed.inc(added);
      const isMuch = added >= this.atOnce / 2;
      this.atOnce = Math.min(AT_ONCE, this.atOnce + MORE);
      if (began - this.lookedAt >= LOOK_MS) await this.look();
      if (isMuch) return Math.min(took, BUSY_MS);
      const rest = REST * (performance.now() - began);
      return Math.min(Math.max(added > 0 ? BUSY_MS : IDLE_MS, rest), MOST_IDLE_MS);
    } catch (error) {
      this.atOnce = Math.max(1, Math.floor(this.atOnce / 4));
      this.logger.warn({ err: error }, 'the audit log was not indexed, trying again');
      return AGAIN_MS;
    }
  }

  /** Tells how far behind the index is. That it cannot be found out holds nothing up. */
  private async look(): Promise<void> {
    this.lookedAt = performance.now();
    try {
      const [behind] = await this.dataSource.query<{ seconds: number }[]>(LAG);
      this.lag.set(behind?.seconds ?? 0);
    } catch (error) {
      this.logger.warn(
        { err: error },
        'it is not known how far behind the index of the audit log is',
      );
    }
  }
}

const REMEMBER = 'SELECT audit_index_remember($1, $2, $3, $4) AS added';
const LAG = 'SELECT audit_index_lag() AS seconds';
