import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../platform/background-work.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { Periodic } from '../platform/periodic.js';
import { buildIndexes, mayLackIndexes } from './index-builds.js';

/** Milliseconds after which is looked again, while another process builds or after a failure. */
const AGAIN_MS = 60_000;
/** The same when nothing was missing. */
const HOUR_MS = 3_600_000;

/**
 * The job of the server that completes the indexes which migrations have declared, while it serves: no answer
 * depends on them, only how fast it comes. `npm run migrate` does the same and waits until they are there.
 */
@Injectable()
export class IndexBuilds implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());
  private readonly abort = new AbortController();

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query'>,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(0));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
    this.abort.abort();
  }

  private async run(): Promise<number> {
    try {
      // To build is work for a connection of its own, which has no time limits; to look is not.
      if (!(await mayLackIndexes((text) => this.dataSource.query(text)))) return HOUR_MS;
      const { outcome, built } = await buildIndexes(this.env.databaseUrl, {
        connectMs: this.env.limits.connectMs,
        say: (message) => this.logger.info(message),
        signal: this.abort.signal,
      });
      if (built.length > 0) this.logger.info({ indexes: built }, 'the indexes are complete now');
      return outcome === 'whole' ? HOUR_MS : AGAIN_MS;
    } catch (error) {
      if (!this.periodic.stopped) {
        this.logger.warn({ err: error }, 'an index was not built, trying again in a minute');
      }
      return AGAIN_MS;
    }
  }
}
