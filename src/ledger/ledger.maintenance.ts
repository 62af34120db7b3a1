import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import pg from 'pg';
import type { Logger } from 'pino';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';

const HOUR_MS = 3_600_000;

/**
 * Makes the partitions of the coming days and drops those in which nothing can be alive
 * (`ledger_maintain` in maintenance.sql): at the start and then every hour or so. Partitions are made
 * a week ahead, so one that fails is only logged.
 */
@Injectable()
export class LedgerMaintenance implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    void this.run();
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    try {
      await this.maintain();
    } catch (error) {
      this.logger.warn({ err: error }, 'the ledger was not maintained, trying again in an hour');
    }
    if (this.stopped) return;
    // Replicas that were started together drift apart.
    this.timer = setTimeout(() => void this.run(), HOUR_MS * (0.75 + Math.random() / 2)).unref();
  }

  private async maintain(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.env.databaseUrl,
      connectionTimeoutMillis: 2_000,
      statement_timeout: 30_000,
      query_timeout: 31_000,
      // Whoever waits for a table makes all others wait behind him, and they have requests to answer.
      lock_timeout: 300,
      application_name: 'mandate ledger maintenance',
    });
    // What matters is thrown by the call that fails; an unheard event would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT ledger_maintain()');
    } finally {
      // Not awaited: a server that is paused would never answer a polite goodbye.
      void client.end().catch(() => {});
    }
  }
}
