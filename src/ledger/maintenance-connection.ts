import pg from 'pg';
import type { Retention, RunningEnv } from '../platform/config/env.js';
import { limitsAfterStart, limitsAtStart } from '../platform/database/pooler.js';

/** What keeps the ledger needs of the environment. */
export type Maintained = Pick<RunningEnv, 'databaseUrl' | 'limits' | 'retention'>;

/** Milliseconds that a statement may take. */
const STATEMENT_MS = 30_000;
/** Milliseconds for a day of the audit log, whose chains are looked through. */
const DAY_MS = 600_000;

/** What `audit_drop_day` raises where events are in no signed checkpoint: object_not_in_prerequisite_state. */
const UNSEALED = '55000';

/** A day of a table that is older than it has to be. */
export interface OldDay {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  /** Rows, by the last `ANALYZE`. */
  readonly aboutRows: number;
  readonly bytes: number;
}

/**
 * Connects for work on the partitions of the ledger. Locks are waited for shortly: all later requests for a lock on a
 * table queue behind a waiting one, and they have requests to answer.
 *
 * @param work is given a connection that knows how long what is over is kept (`ledger_kept_days` in retention.sql)
 * @throws the driver's error
 */
export async function maintaining<T>(
  { databaseUrl, limits, retention }: Maintained,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const onServer = { statement_timeout: STATEMENT_MS, lock_timeout: 300 };
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limits.connectMs,
    ...limitsAtStart(onServer, limits.pooler),
    query_timeout: DAY_MS + 1_000,
    application_name: 'mandate ledger maintenance',
  });
  // The call that fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await limitsAfterStart(client, onServer, limits.pooler);
    await tell(client, retention);
    return await work(client);
  } finally {
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

async function tell(client: pg.Client, retention: Retention): Promise<void> {
  await client.query(
    `SELECT set_config('mandate.keep_ended', $1, false), set_config('mandate.keep_deliveries', $2, false)`,
    [String(retention.endedDays), String(retention.deliveryDays)],
  );
}

/**
 * The days of the audit log that are to go, the oldest first; none if they are kept for ever.
 *
 * @returns with how many zones are held now, whose events stay
 */
export async function dueDays(
  client: pg.Client,
  { auditDays }: Retention,
): Promise<(OldDay & { readonly heldZones: number })[]> {
  if (auditDays === undefined) return [];
  const { rows } = await client.query<OldDay & { heldZones: number }>(
    `SELECT day::text, about_rows::float8 AS "aboutRows", bytes::float8 AS bytes, held_zones AS "heldZones"
       FROM audit_days_due($1)`,
    [auditDays],
  );
  return rows;
}

/** Something that is done in a transaction of its own: what it is, and its statement. */
export interface MaintenanceStep {
  readonly what: string;
  readonly sql: string;
  readonly values: unknown[];
}

/**
 * What there is to be done about days: each that is to be made or dropped by itself, so that little is locked at a time, and
 * what is done stays done whatever comes of the next one; and then the rest.
 */
export async function maintenanceSteps(
  client: pg.Client,
  daysAhead = 7,
): Promise<MaintenanceStep[]> {
  const { rows } = await client.query<{ name: string; day: string; call: string }>(
    `SELECT name, day::text, 'ledger_add_day' AS call FROM ledger_days_missing($1)
      UNION ALL SELECT name, day::text, 'ledger_drop_day' FROM ledger_days_due()`,
    [daysAhead],
  );
  return [
    ...rows.map(({ name, day, call }) => ({
      what: `${call} ${name} ${day}`,
      sql: `SELECT ${call}($1, $2)`,
      values: [name, day],
    })),
    { what: 'ledger_maintain', sql: 'SELECT ledger_maintain($1)', values: [daysAhead] },
  ];
}

/** The days of all other tables that `ledger_maintain` drops unless something in them is alive, with their tables. */
export async function endedDays(
  client: pg.Client,
): Promise<(OldDay & { readonly name: string })[]> {
  const { rows } = await client.query<OldDay & { name: string }>(
    `SELECT name, day::text, about_rows::float8 AS "aboutRows", bytes::float8 AS bytes FROM ledger_days_due()`,
  );
  return rows;
}

/** A day stays for now: events of it are in no signed checkpoint yet. */
export class DayUnsealed extends Error {}

/**
 * Drops a day of the audit log, and keeps what its chains began and ended with (`audit_drop_day` in retention.sql).
 *
 * @param day `YYYY-MM-DD`
 * @returns how many runs of events were kept the ends of; `null` if another process is at it
 * @throws {DayUnsealed} if events that would go are in no signed checkpoint yet
 * @throws the driver's error, for one if the log is in use now: it is as it was, and can be tried again
 */
export async function dropDay(client: pg.Client, day: string): Promise<number | null> {
  await client.query(`SET statement_timeout = ${DAY_MS}`);
  try {
    const { rows } = await client.query<{ runs: number | null }>(
      'SELECT audit_drop_day($1)::float8 AS runs',
      [day],
    );
    return rows[0]?.runs ?? null;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== UNSEALED) throw error;
    throw new DayUnsealed(error.message, { cause: error });
  } finally {
    await client.query(`SET statement_timeout = ${STATEMENT_MS}`);
  }
}

/**
 * The tables by day that may have rows in their default partition: of most there is nothing to be cleared. Where rows are
 * on other servers, what lies on this one says nothing of them (distributed.sql).
 */
export async function tablesToClear(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM tables_by_day
      WHERE (SELECT is_distributed()) OR pg_relation_size(to_regclass(quote_ident(name || '_default'))) > 0
      ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

/** About how many rows the tables have that are partitioned by day, all days together. */
export async function countRows(client: pg.Client): Promise<{ name: string; rows: number }[]> {
  const { rows } = await client.query<{ name: string; rows: number }>(
    `SELECT t.name, coalesce(sum(s.n_live_tup), 0)::float8 AS rows
       FROM tables_by_day t
       JOIN pg_inherits i ON i.inhparent = to_regclass(quote_ident(t.name))
       JOIN pg_stat_user_tables s ON s.relid = i.inhrelid
      GROUP BY t.name`,
  );
  return rows;
}
