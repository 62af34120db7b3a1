import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Histogram } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { unavailable } from '../oauth/errors.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import type { ZoneShard } from '../platform/database/zone-shard.js';
import { zoneShardsOf, type ZoneShards } from '../platform/database/zone-shards.js';
import { inSpan, type RecordedSpan } from '../platform/tracing/spans.js';
import type { AuditEvent, Committed, Entry, Nonce } from './entry.js';
import type { BatchObserver } from './group-commit.js';
import { APPEND, appendValues } from './ledger-batch.js';
import type { LedgerLane } from './ledger-lane.js';
import { LedgerLanes } from './ledger-lanes.js';
import { BATCH_SECONDS, BATCH_SIZE, CHAIN_BREAKS } from './ledger.metrics.js';
import { LockWaits } from './lock-waits.js';
import { eventOnRecord, nonceDetails, writeEntry } from './written-entry.js';

/** Half a second, first in steps of what another transaction takes. */
const PAUSES_MS = [0, 5, 10, 20, 40, 80, 120, 120, 120] as const;
/** A gate closes for the time of one commit, and all that its zone has in flight meets it. */
const UNCOUNTED_ATTEMPTS = 2;
const MAX_WAITING_OF_ZONE = 64;
/** Stands for the number of the shard where there are none. */
const PLAIN = 0;

/**
 * Commits what happened, or says which fact moved. One statement on the server re-checks and
 * records (`ledger_commit_entries` in batch.sql), so there is no moment between the two.
 *
 * The entries of a zone are all committed on one of a few connections. An entry that meets a lock goes apart, on a connection of its own, so that no other entry waits with it.
 */
@Injectable()
export class Ledger implements OnApplicationShutdown {
  /** The id of the chains of operators' changes, so that their transactions never hold up issuing. */
  private readonly operatorWriter = uuidv7();
  private readonly shards: ZoneShards | null;
  /** By the number of the shard, or {@link PLAIN}. */
  private readonly lanes: ReadonlyMap<number, LedgerLanes>;
  private readonly lockWaits = new LockWaits({
    pausesMs: PAUSES_MS,
    uncounted: UNCOUNTED_ATTEMPTS,
    maxOfZone: MAX_WAITING_OF_ZONE,
  });
  private lastIssuedAt: number | null = null;
  private told: Parameters<Ledger['tell']>[0] | undefined;

  constructor(
    @Inject(ENV) { databaseUrl, limits, zoneShards }: RunningEnv,
    @InjectMetric(BATCH_SIZE) batchSize: Histogram,
    @InjectMetric(BATCH_SECONDS) batchSeconds: Histogram,
    @InjectMetric(CHAIN_BREAKS) chainBreaks: Pick<Counter, 'inc'>,
    @Inject(LOGGER) logger: Pick<Logger, 'error'>,
  ) {
    const observer: BatchObserver = {
      batch(size, seconds) {
        batchSize.observe(size);
        batchSeconds.observe(seconds);
      },
    };
    const onOtherEnd = (zoneId: string, believed: number, found: number): void => {
      chainBreaks.inc();
      logger.error(
        { zone_id: zoneId, believed, found },
        'a hash chain ends elsewhere than we left it',
      );
    };
    this.shards = zoneShardsOf({ zoneShards });
    const { shards } = this;
    const onFailure = shards === null ? {} : { onFailure: (e: unknown) => shards.noteError(e) };
    const common = { limits, observer, onOtherEnd, ...onFailure };
    const urls: (readonly [number, () => string])[] =
      shards === null
        ? [[PLAIN, () => databaseUrl]]
        : shards.all.map((shard) => [shard.id, () => shards.urlOf(shard)]);
    this.lanes = new Map(urls.map(([id, url]) => [id, new LedgerLanes({ ...common, url })]));
  }

  /**
   * Checks and records one entry, durably.
   *
   * @returns the receipt, the fact that moved, or `stale`
   * @throws {OAuthError} temporarily_unavailable if it is not known to be recorded; then nothing may be issued
   *   for it. Its cause is an `OutcomeUnknown` where it may be recorded all the same
   */
  commit(entry: Entry): Promise<Committed> {
    return inSpan('ledger commit', (span) => this.commitIn(entry, span));
  }

  private async commitIn(entry: Entry, span: RecordedSpan | null): Promise<Committed> {
    const committed = await this.checkAndRecord(entry);
    span?.set({ 'mandate.ledger.status': committed.status });
    if (committed.status === 'recorded' && entry.event.outcome === 'issued') {
      this.lastIssuedAt = performance.now();
    }
    if (committed.status !== 'stale') this.told?.(entry, eventOnRecord(entry, committed));
    return committed;
  }

  /** Has somebody told of each event that is on record then, but for operators' changes. It must not throw. */
  tell(told: (entry: Entry, event: Readonly<Record<string, unknown>>) => void): void {
    this.told = told;
  }

  /** When something that is issued was recorded last, by `performance.now`; `null` if nothing was. */
  get issuedAt(): number | null {
    return this.lastIssuedAt;
  }

  private async checkAndRecord(entry: Entry): Promise<Committed> {
    try {
      return (
        (await this.laneOf(entry).try(entry)) ??
        (await this.lockWaits.insist(entry.zone_id, () => this.apartFrom(entry).try(entry)))
      );
    } catch (error) {
      throw unavailable('the ledger cannot record', error);
    }
  }

  /**
   * Spends a nonce, where nothing else is to be recorded.
   *
   * @returns `false` if it was spent before
   * @throws the driver's error
   */
  async spend(zoneId: string, nonce: Nonce): Promise<boolean> {
    const values = [zoneId, nonceDetails(nonce)];
    const spent = await this.lanesOf(zoneId).issuingOf(zoneId).rows('spend_nonce', SPEND, values);
    return spent.length === 1;
  }

  /** Records an operator's change, in the transaction `tx` that makes the change. */
  async append(tx: EntityManager, zoneId: string, event: AuditEvent): Promise<void> {
    const written = writeEntry({ event_id: uuidv7(), zone_id: zoneId, facts: [], event });
    await tx.query(APPEND, appendValues(this.operatorWriter, written));
  }

  /**
   * Commits an empty batch on each lane, to see whether commits would work now.
   *
   * @param shard whose lanes; `null` on a plain server
   * @throws the driver's error
   */
  async probe(shard: ZoneShard | null): Promise<void> {
    await this.lanes.get(shard?.id ?? PLAIN)?.probe();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.lanes.values()].map((lanes) => lanes.close()));
  }

  private lanesOf(zoneId: string): LedgerLanes {
    const lanes = this.lanes.get(this.shards?.of(zoneId).id ?? PLAIN);
    if (lanes === undefined) throw new Error('the zone has no lanes');
    return lanes;
  }

  private laneOf({ zone_id: zoneId, takes_back: takenBack }: Entry): LedgerLane {
    const lanes = this.lanesOf(zoneId);
    return takenBack === undefined ? lanes.issuingOf(zoneId) : lanes.revoking;
  }

  /** Where an entry goes that has met a lock. */
  private apartFrom({ zone_id: zoneId, takes_back: takenBack }: Entry): LedgerLane {
    const lanes = this.lanesOf(zoneId);
    return takenBack === undefined ? lanes.apart : lanes.revoking;
  }
}

// Under the lock of the nonce, as in a batch.
const SPEND = `
  WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(ledger_nonce_key($1, $2)))
  SELECT 1 AS spent FROM locked
   WHERE ledger_spend_nonces(ARRAY[$1::uuid], '{nonce_unspent}', ARRAY[$2], '{true}') = '{}'`;
