import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../platform/background-work.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { zoneShardsOf, type ZoneShardMap } from '../platform/database/zone-shards.js';
import { Periodic } from '../platform/periodic.js';
import { openConnection } from './schema-connection.js';
import { prepareZoneShards, readZoneShards } from './zone-shards.js';

/** Milliseconds between two looks where the shards are: how long a zone is refused when its shard has moved. */
const EVERY_MS = 2_000;

/**
 * Looks where the shards of a distributed database are, which operators move while they are served. A process that has not
 * heard of a move writes nothing there (`zone_shards.hold` in zone-shards.sql), so this makes zones be served again, and
 * never what is recorded right.
 */
@Injectable()
export class ZoneShardPlaces implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.look());

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    if (zoneShardsOf(env) !== null) background.add(() => this.periodic.start(EVERY_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    const { databaseUrl, limits } = this.env;
    try {
      const client = await openConnection(databaseUrl, limits.connectMs);
      let read: ZoneShardMap | null;
      try {
        read = await readZoneShards(client, databaseUrl);
      } finally {
        void client.end().catch(() => {});
      }
      if (read !== null && zoneShardsOf(this.env)?.moves(read.shards) === true) {
        await prepareZoneShards(read, limits.connectMs);
        zoneShardsOf(this.env)?.update(read.shards);
        this.logger.info('shards of zones have moved');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'it is not known where the shards of zones are');
    }
    return EVERY_MS;
  }
}
