import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { Logger } from 'pino';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { Periodic } from '../platform/periodic.js';

const HOUR_MS = 3_600_000;

/** Whether events of days that are over are still in the default partition of the audit log. */
const EVENTS_LEFT = `SELECT 1 FROM audit_events_default
  WHERE id < ledger_day_begins('id', (now() AT TIME ZONE 'UTC')::date)::uuid LIMIT 1`;

const TELL_OF_EVENTS_LEFT =
  'the default partition of the audit log has events of past days, which are too many to be moved while mandates are ' +
  'issued, or of a day that was taken out; SELECT ' +
  "ledger_clear_default_partition('audit_events', 1000000) moves up to a million, and nothing is issued meanwhile";

/**
 * The job that makes the partitions of the coming days and drops expired ones (`ledger_maintain` in maintenance.sql), and
 * those of the coming hours (`status_lists_maintain` in status-lists/status-lists.sql), and
 * then clears the default partitions of rows of such days, and says what is left there: at the start and then about every
 * hour. Partitions are made
 * a week ahead, so a failure is only logged.
 */
@Injectable()
export class LedgerMaintenance implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(0));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async run(): Promise<number> {
    try {
      await this.maintain();
    } catch (error) {
      this.logger.warn({ err: error }, 'the ledger was not maintained, trying again in an hour');
    }
    return HOUR_MS;
  }

  private async maintain(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.env.databaseUrl,
      connectionTimeoutMillis: this.env.limits.connectMs,
      statement_timeout: 30_000,
      query_timeout: 31_000,
      // All later lock requests on a table queue behind a waiting one, and they have requests to answer.
      lock_timeout: 300,
      application_name: 'mandate ledger maintenance',
    });
    // The call that fails throws; an error event without a listener would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT ledger_maintain()');
      await client.query('SELECT status_lists_maintain()');
      // Each by itself, so that what one has locked is free before the next one is looked at.
      const { rows } = await client.query<{ name: string }>('SELECT name FROM tables_by_day');
      for (const { name } of rows) {
        // oxlint-disable-next-line no-await-in-loop
        await client.query('SELECT ledger_clear_default_partition($1)', [name]);
      }
      const { rowCount } = await client.query(EVENTS_LEFT);
      if (rowCount === 1) this.logger.warn(TELL_OF_EVENTS_LEFT);
    } finally {
      // Not awaited: a server that is paused never answers.
      void client.end().catch(() => {});
    }
  }
}
