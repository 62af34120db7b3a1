import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../platform/background-work.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import {
  zoneShardsOf,
  type ZoneShardMap,
  type ZoneShards,
} from '../platform/database/zone-shards.js';
import { openConnection } from './schema-connection.js';
import { prepareZoneShards, readZoneShards } from './zone-shards.js';

/** Milliseconds between two looks where the shards are. */
const EVERY_MS = 2_000;
/** Milliseconds between two at least, however many are told that a shard is elsewhere. */
const LEAST_MS = 100;

/**
 * Looks where the shards of a distributed database are, which operators move while they are served, and whether nodes are
 * back that were away. A process that has not heard of a move neither reads nor writes there any more (`zone_shards.look` and
 * `zone_shards.hold` in zone-shards.sql), and looks as soon as it is told so: this makes zones be served again, and never
 * what is answered or recorded right.
 */
@Injectable()
export class ZoneShardPlaces implements OnApplicationShutdown {
  private readonly shards: ZoneShards | null;
  private timer: NodeJS.Timeout | undefined;
  private due = Number.POSITIVE_INFINITY;
  private looking = false;
  private stopped = false;

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    this.shards = zoneShardsOf(env);
    if (this.shards === null) return;
    background.add(() => this.lookIn(EVERY_MS));
    this.shards.whenInDoubt(() => this.lookIn(LEAST_MS));
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Looks after so many milliseconds, unless that is done sooner anyway. */
  private lookIn(ms: number): void {
    const due = performance.now() + ms;
    if (this.stopped || this.looking || due >= this.due) return;
    this.due = due;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.lookNow(), ms).unref();
  }

  private async lookNow(): Promise<void> {
    this.looking = true;
    this.due = Number.POSITIVE_INFINITY;
    try {
      await this.look();
    } catch (error) {
      this.logger.warn({ err: error }, 'it is not known where the shards of zones are');
    }
    this.looking = false;
    this.lookIn(EVERY_MS);
  }

  private async look(): Promise<void> {
    const { databaseUrl, limits } = this.env;
    const client = await openConnection(databaseUrl, limits.connectMs, limits.statementMs);
    let read: ZoneShardMap | null;
    try {
      read = await readZoneShards(client, databaseUrl);
    } finally {
      void client.end().catch(() => {});
    }
    const { shards } = this;
    if (read === null || shards === null || shards.isCurrent(read.shards)) return;
    // What has moved leaves something behind at the node where it was.
    const nodes = shards.haveMoved(read.shards) ? undefined : shards.unreadyNodes;
    const prepared = await prepareZoneShards(read, limits.connectMs, () => {}, nodes);
    if (shards.isCurrent(read.shards, prepared.unready)) return;
    shards.update(prepared);
    this.logger.info({ unready: prepared.unready }, 'shards of zones are elsewhere, or nodes back');
  }
}
