import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Client } from 'pg';
import type { Logger } from 'pino';
import type { Gauge } from 'prom-client';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { Periodic } from '../platform/periodic.js';
import { PARTITION_ROWS, UNSEALED_DAYS } from './ledger.metrics.js';
import {
  countRows,
  DayUnsealed,
  dropDay,
  dueDays,
  maintaining,
  maintenanceSteps,
  tablesToClear,
} from './maintenance-connection.js';

const HOUR_MS = 3_600_000;
/** Milliseconds until the next try where part of it could not be done, such as while a table is in use. */
const AGAIN_MS = 60_000;

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
 * that are older than they have to be and in a signed checkpoint (`audit_drop_day` in retention.sql): at the start and
 * then about every hour.
 * Partitions are made ahead, so what fails is only logged, and tried again in a minute with all else.
 */
@Injectable()
export class LedgerMaintenance implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.run());

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(PARTITION_ROWS) private readonly rows: Gauge<'table'>,
    @InjectMetric(UNSEALED_DAYS) private readonly unsealed: Gauge,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(0));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async run(): Promise<number> {
    try {
      return (await this.maintain()) ? HOUR_MS : this.againMs;
    } catch (error) {
      this.logger.warn({ err: error }, 'the ledger was not maintained, trying again in a minute');
      return AGAIN_MS;
    }
  }

  /** Soon enough for a day that waits for a checkpoint. */
  private get againMs(): number {
    return Math.min(AGAIN_MS, this.env.checkpointSeconds * 1_000);
  }

  /** @returns whether all of it was done */
  private async maintain(): Promise<boolean> {
    let done = true;
    const databaseUrl = this.env.zoneShards?.coordinatorUrl ?? this.env.databaseUrl;
    await maintaining({ ...this.env, databaseUrl }, async (client) => {
      // Each by itself: what one has locked is free before the next one is looked at, and that a table is in use keeps
      // none of the others waiting.
      const step = async <T>(what: string, work: () => Promise<T>): Promise<T | null> => {
        try {
          return await work();
        } catch (error) {
          done = false;
          this.logger.warn({ err: error, what }, 'part of the ledger was not maintained');
          return null;
        }
      };
      const ask = (sql: string, values: unknown[] = []) =>
        client.query<{ name: string }>(sql, values);
      const steps = await step('maintenance_steps', () => maintenanceSteps(client));
      for (const { what, sql, values } of steps ?? []) {
        // oxlint-disable-next-line no-await-in-loop
        await step(what, () => ask(sql, values));
      }
      await step('status_lists_maintain', () => ask('SELECT status_lists_maintain()'));
      const tables = await step('tables_by_day', () => tablesToClear(client));
      for (const name of tables ?? []) {
        // oxlint-disable-next-line no-await-in-loop
        await step(name, () => ask('SELECT ledger_clear_default_partition($1)', [name]));
      }
      const left = await step('audit_events_default', () => ask(EVENTS_LEFT));
      if (left?.rowCount === 1) this.logger.warn(TELL_OF_EVENTS_LEFT);
      if ((await step('audit_drop_day', () => this.dropDays(client))) === false) done = false;
      const counts = await step('mandate_partition_rows', () => countRows(client));
      for (const { name, rows: many } of counts ?? []) this.rows.set({ table: name }, many);
    });
    return done;
  }

  /** @returns whether no day waits for a checkpoint */
  private async dropDays(client: Client): Promise<boolean> {
    let waiting = 0;
    for (const { day } of await dueDays(client, this.env.retention)) {
      // oxlint-disable-next-line no-await-in-loop
      const runs = await dropDay(client, day).catch((error: unknown) => {
        if (!(error instanceof DayUnsealed)) throw error;
        waiting += 1;
        this.logger.info({ day }, error.message);
        return null;
      });
      if (runs !== null) this.logger.info({ day, runs }, 'dropped a day of the audit log');
    }
    this.unsealed.set(waiting);
    return waiting === 0;
  }
}
