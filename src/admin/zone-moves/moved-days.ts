import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { inTransaction } from './long-connection.js';
import { MOVED } from './moved-tables.js';

/** Which days the rows of a zone are of, by table: `YYYYMMDD`. */
export type MovedDays = Readonly<Record<string, readonly string[]>>;

/** The most days of one table, and milliseconds between attempts to make one while the table is busy. */
const MOST_DAYS = 20_000;
const AGAIN_MS = 200;
const ATTEMPTS = 150;

/** Finds the days of which a zone has rows. */
export async function readDays(client: pg.Client, zoneId: string): Promise<MovedDays> {
  const days: Record<string, string[]> = {};
  const { rows } = await client.query<{ name: string; day: string }>(PARTITIONS, [
    MOVED.map(({ name }) => name),
  ]);
  for (const { name, day } of rows) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    const found = await client.query(`SELECT 1 FROM ${name}_${day} WHERE zone_id = $1 LIMIT 1`, [
      zoneId,
    ]);
    if (found.rows.length > 0) (days[name] ??= []).push(day);
  }
  return days;
}

/**
 * Makes the partitions of days that there are not yet, each in a transaction of its own, behind whoever reads the table. Rows of
 * a day without one would go to where those of wrong clocks are.
 */
export async function makeDays(client: pg.Client, days: MovedDays): Promise<void> {
  for (const { name } of MOVED) {
    for (const day of (days[name] ?? []).slice(0, MOST_DAYS)) {
      // oxlint-disable-next-line no-await-in-loop -- one connection
      if (/^\d{8}$/.test(day)) await makeDay(client, name, day);
    }
  }
}

async function makeDay(client: pg.Client, table: string, day: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until the table is free
      await inTransaction(client, async () => {
        await client.query(`SET LOCAL lock_timeout = '300ms'`);
        await client.query(`SELECT pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'))`);
        await client.query(MAKE, [table, day]);
      });
      return;
    } catch (error) {
      if (!isBusy(error) || attempt === ATTEMPTS) throw error;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(AGAIN_MS);
    }
  }
}

/** Whether a transaction ended since another one had what it needs. */
export function isBusy(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return code === '55P03' || code === '40P01' || code === '40001';
}

const PARTITIONS = `SELECT t.name, right(c.relname, 8) AS day FROM tables_by_day t
    JOIN pg_inherits i ON i.inhparent = to_regclass(quote_ident(t.name))
    JOIN pg_class c ON c.oid = i.inhrelid AND c.relname ~ '_[0-9]{8}$'
   WHERE t.name = ANY ($1) ORDER BY 1, 2`;
const MAKE = `SELECT ledger_make_day(t.name, ledger_day_begins(t.keyed_by, d.day), ledger_day_begins(t.keyed_by, d.day + 1),
                                     t.name || '_' || $2::text)
    FROM tables_by_day t CROSS JOIN (SELECT to_date($2, 'YYYYMMDD') AS day) AS d
   WHERE t.name = $1 AND to_regclass(quote_ident(t.name || '_' || $2::text)) IS NULL
     AND d.day < (now() AT TIME ZONE 'UTC')::date`;
