import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Gauge } from 'prom-client';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { Periodic } from '../platform/periodic.js';
import { PARTITION_ROWS } from './ledger.metrics.js';
import { countRows, dropDay, dueDays, maintaining } from './maintenance-connection.js';

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
 * of the coming hours (`status_lists_maintain` in status-lists/status-lists.sql), then clears the default partitions of
 * rows of such days, says what is left there, and drops the days of the audit log
 * that are older than they have to be (`audit_drop_day` in retention.sql): at the start and then about every hour.
 * Partitions are made a week ahead, so a failure is only logged.
 */
@Injectable()
export class LedgerMaintenance implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(PARTITION_ROWS) private readonly rows: Gauge<'table'>,
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
    await maintaining(this.env, async (client) => {
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
      for (const { day } of await dueDays(client, this.env.retention)) {
        // oxlint-disable-next-line no-await-in-loop
        const runs = await dropDay(client, day);
        if (runs !== null) this.logger.info({ day, runs }, 'dropped a day of the audit log');
      }
      for (const { name, rows: many } of await countRows(client))
        this.rows.set({ table: name }, many);
    });
  }
}
