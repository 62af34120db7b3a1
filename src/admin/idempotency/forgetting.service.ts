import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../../platform/background-work.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { inEachShard } from '../../platform/database/each-shard.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { Periodic } from '../../platform/periodic.js';
import { forget } from './kept-requests.js';

/** Milliseconds between two looks, give or take a quarter, and until the first one. */
const EVERY_MS = 600_000;
const FIRST_MS = 60_000;
/** Keys that are forgotten at once, and milliseconds until the next ones. */
const AT_ONCE = 1_000;
const MORE_MS = 1_000;

/** Forgets the `Idempotency-Key`s that are older than a day, and what was answered to them. */
@Injectable()
export class IdempotencyForgetting implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() =>
    inEachShard(zoneShardsOf(this.env), () => this.look()),
  );

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'zoneShards'>,
  ) {
    background.addJob(() => this.periodic.start(FIRST_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    try {
      return (await forget(this.dataSource.manager, AT_ONCE)) ? MORE_MS : EVERY_MS;
    } catch (error) {
      this.logger.warn({ err: error }, 'old idempotency keys were not forgotten, trying again');
      return EVERY_MS;
    }
  }
}
