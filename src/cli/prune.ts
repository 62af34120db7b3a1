import {
  DayUnsealed,
  dropDay,
  dueDays,
  endedDays,
  maintaining,
  maintenanceSteps,
  type Maintained,
  type OldDay,
} from '../ledger/maintenance-connection.js';
import { EXIT, table, type CommandResult } from './command-result.js';

/** A day of a table that is older than it has to be. */
interface Due {
  readonly table: string;
  readonly day: string;
  /** By the last `ANALYZE`. */
  readonly about_rows: number;
  readonly bytes: number;
  /** Zones that keep the day, where it is the audit log. */
  readonly held_zones: number;
}

/**
 * `prune`: drops the days that are older than they have to be, as a replica does every hour; with `--plan` only says
 * which these are.
 *
 * @throws the driver's error, for one if the audit log is in use just now: days that went before it are gone
 */
export async function prune(env: Maintained, plan: boolean): Promise<CommandResult> {
  return maintaining(env, async (client) => {
    const audit = await dueDays(client, env.retention);
    const due: Due[] = [
      ...(await endedDays(client)).map((day) => ({ ...dueIn(day), table: day.name })),
      ...audit.map((day) => ({ ...dueIn(day), table: 'audit_events', held_zones: day.heldZones })),
    ];
    const unsealed: string[] = [];
    if (!plan) {
      for (const { sql, values } of await maintenanceSteps(client)) {
        // oxlint-disable-next-line no-await-in-loop
        await client.query(sql, values);
      }
      for (const { day } of audit) {
        try {
          // oxlint-disable-next-line no-await-in-loop
          await dropDay(client, day);
        } catch (error) {
          if (!(error instanceof DayUnsealed)) throw error;
          unsealed.push(day);
        }
      }
    }
    const stay = unsealed.map((day) => `${day} stays: its events are in no signed checkpoint yet`);
    return {
      code: EXIT.done,
      lines: [...linesOf(due, env, plan), ...stay],
      json: { dropped: !plan, days: due, ...(stay.length > 0 && { unsealed }) },
    };
  });
}

function dueIn({ day, aboutRows, bytes }: OldDay) {
  return { day, about_rows: aboutRows, bytes, held_zones: 0 };
}

function linesOf(due: readonly Due[], { retention }: Maintained, plan: boolean): string[] {
  const rows = due.map((one) => [
    one.table,
    one.day,
    `about ${one.about_rows} rows`,
    `${Math.ceil(one.bytes / 1_024)} KiB`,
    ...(one.held_zones === 0
      ? []
      : [`but for those of ${one.held_zones} zones that keep them longer`]),
  ]);
  const none = plan ? 'nothing is older than it has to be' : 'nothing was older than it has to be';
  const kept = 'the audit log is kept for ever: AUDIT_RETENTION_DAYS is not set';
  return [
    ...(due.length === 0 ? [none] : table(rows)),
    ...(retention.auditDays === undefined ? [kept] : []),
  ];
}
