import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { commitIf } from '../platform/database/commit-if.js';
import { askEachShard } from '../platform/database/each-shard.js';
import type { ZoneShard } from '../platform/database/zone-shard.js';
import { zoneShardsOf, type ZoneShards } from '../platform/database/zone-shards.js';
import { Periodic } from '../platform/periodic.js';
import { newId } from '../platform/uuid-v7.js';
import type { ChainPlace } from './chain-pages.js';
import { CheckpointKeys } from './checkpoint-keys.service.js';
import { CheckpointExports } from './export/checkpoint-exports.service.js';
import { CHECKPOINT_LAG, CHECKPOINT_SIZE, SEALED } from './evidence.metrics.js';
import { isDue, readBehind, readLag } from './lag.js';
import { makeCheckpoints } from './make-checkpoint.js';
import type { Queries } from './queries.js';
import { sealRound } from './seal-round.js';
import { leaveTurn, takeTurn } from './turn.js';

/** Events of one zone after which there is a checkpoint before its time, and the most of one transaction. */
const OF_ZONE = 4_096;
/** About how many events are read at once, at most, and the least where that has failed. */
const OF_READ = 16_384;
const LEAST_OF_READ = 64;
/** Milliseconds until the next look, at most, and after a failure. */
const LOOK_MS = 5_000;
const AGAIN_MS = 10_000;
/** Milliseconds after which a checkpoint is made of what is in the logs by then. */
const MOST_ROUND_MS = 20_000;
/** How many times as long as a look took there is none. */
const REST = 20;
/** Milliseconds for which a process has the turn: after a crash nobody is at it for so long. */
const TURN_MS = 15_000;
/** Milliseconds between two looks how far behind the checkpoints are, at least and at most. */
const LAG_MS = 15_000;
const LAG_MOST_MS = 300_000;

/**
 * The job that puts what was recorded into the logs of zones, and signs checkpoints of these: behind the commits, one replica
 * at a time, each zone in a transaction of its own. `CHECKPOINT_SECONDS` after the last one there is a checkpoint of all zones
 * in which something has happened since, and sooner of a zone in which much has. What a crash leaves undone is done by the
 * next: how far each chain is in its log is stored with the leaves.
 */
@Injectable()
export class CheckpointJob implements BeforeApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());
  private readonly holder = newId();
  private ofRead = OF_READ;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private lagRest = LAG_MS;
  /** The zones whose log is broken, as far as that was said. */
  private readonly broken = new Set<string>();
  private readonly shards: ZoneShards | null;
  /** Where the logs are to be filled on, if there was no time for all of them: by the shard, where there are shards. */
  private readonly places = new Map<ZoneShard | null, ChainPlace>();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keys: CheckpointKeys,
    private readonly exports: CheckpointExports,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(CHECKPOINT_LAG) private readonly lag: Gauge,
    @InjectMetric(CHECKPOINT_SIZE) private readonly size: Gauge,
    @InjectMetric(SEALED) private readonly sealed: Counter,
    background: BackgroundWork,
  ) {
    this.shards = zoneShardsOf(env);
    background.addJob(() => this.periodic.start(0));
  }

  /** Others go on at once, while there is still a connection to say so. */
  async beforeApplicationShutdown(): Promise<void> {
    this.periodic.stop();
    await leaveTurn(this.dataSource, this.holder).catch(() => {});
  }

  private async run(): Promise<number> {
    const began = performance.now();
    const most = Math.min(LOOK_MS, this.env.checkpointSeconds * 1_000);
    const isMore = await this.lookInTurn();
    if (performance.now() - this.lookedAt >= this.lagRest) await this.tell();
    if (isMore === 'failed') return AGAIN_MS;
    if (isMore) return 0;
    return Math.max(most, Math.min(REST * (performance.now() - began), this.mostRest));
  }

  /** @returns whether there is more to be done at once */
  private async lookInTurn(): Promise<boolean | 'failed'> {
    try {
      const isMore = await this.look();
      this.ofRead = Math.min(OF_READ, this.ofRead * 2);
      return isMore;
    } catch (error) {
      this.ofRead = Math.max(LEAST_OF_READ, Math.floor(this.ofRead / 4));
      this.logger.warn({ err: error }, 'no checkpoint of the audit log was made, trying again');
      // What this process cannot do, such as reach the key, another one may.
      await leaveTurn(this.dataSource, this.holder).catch(() => {});
      return 'failed';
    }
  }

  /** A look may be rare, but not so rare that a checkpoint is late by more than a third. */
  private get mostRest(): number {
    return this.env.checkpointSeconds * 333;
  }

  /** @returns whether there is more to be done at once */
  private async look(): Promise<boolean> {
    const behind = await askEachShard(this.shards, () => readBehind(this.dataSource));
    const seconds = this.places.size === 0 ? this.env.checkpointSeconds : 1;
    if (!behind.some((one) => isDue(one, { seconds, events: OF_ZONE }))) return false;
    if (!(await takeTurn(this.dataSource, this.holder, TURN_MS))) return false;
    const origin = await this.keys.begin();
    const more = await askEachShard(this.shards, (shard) => this.fill(shard, origin));
    const isMore = more.includes(true);
    // What was exported has to be the beginning of what is signed now. No transaction is open while places are asked.
    const forks = await this.exports.forksNow();
    if (forks.length > 0)
      throw new Error(`the log does not fit what was exported: ${forks.join()}`);
    const signer = await this.keys.signer();
    const made = await makeCheckpoints((run) => this.inTransaction(run), signer);
    if (made !== null) {
      this.size.set(made.size);
      this.logger.debug(made, 'made a checkpoint of the audit log');
    }
    return isMore && made !== null;
  }

  /** Adds what is recorded to the logs, for as long as there is more and it does not take too long. */
  private async fill(shard: ZoneShard | null, origin: string): Promise<boolean> {
    const began = performance.now();
    const isLate = () => this.periodic.stopped || performance.now() - began > MOST_ROUND_MS;
    for (;;) {
      const from = this.places.get(shard);
      const limits = { ofZone: Math.min(OF_ZONE, this.ofRead), ofRead: this.ofRead };
      // oxlint-disable-next-line no-await-in-loop
      const round = await sealRound(
        this.dataSource,
        (run) => this.inTransaction(run),
        origin,
        limits,
        isLate,
        from,
      );
      if (round.stoppedAt === undefined) this.places.delete(shard);
      else this.places.set(shard, round.stoppedAt);
      this.sealed.inc(round.sealed);
      this.tellBroken(round.broken);
      // One that began in the middle is followed by one from the beginning.
      const isMore = round.isMore || from !== undefined;
      if (!isMore || isLate() || (round.sealed === 0 && from === undefined)) return isMore;
    }
  }

  /** Says of a log that is not its tree any more which it is, when that is new. */
  private tellBroken(broken: readonly string[]): void {
    for (const zone of broken) {
      if (this.broken.has(zone)) continue;
      this.broken.add(zone);
      this.logger.error(
        { zone },
        'the log of a zone is not what it was: nothing more of it is sealed',
      );
    }
  }

  private inTransaction<T>(run: (tx: Queries) => Promise<T>): Promise<T> {
    return commitIf(this.dataSource, () => true, run);
  }

  /** Says how far behind the checkpoints are, above all while none can be made. */
  private async tell(): Promise<void> {
    const began = performance.now();
    try {
      const lags = await askEachShard(this.shards, () => readLag(this.dataSource));
      this.lag.set(Math.max(...lags));
    } catch (error) {
      this.logger.warn(
        { err: error },
        'how far the checkpoints of the audit log are behind is not known',
      );
    }
    this.lookedAt = performance.now();
    // It looks into all days for the first event of each chain that is behind: so it takes a hundredth of the time at most.
    this.lagRest = Math.max(LAG_MS, Math.min(100 * (this.lookedAt - began), LAG_MOST_MS));
  }
}
