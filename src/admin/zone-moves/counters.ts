import type pg from 'pg';
import { COUNTERS } from './moved-tables.js';
import { BrokenFile } from './sealed-parts.js';

/** More than anything is ever numbered by, and few enough that numbers are left. */
const MOST = 2 ** 50;

/** How far each counter of this installation is. */
export async function readCounters(client: pg.Client): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const name of COUNTERS) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    const { rows } = await client.query<{ last: number }>(
      `SELECT last_value::float8 AS last FROM ${name}`,
    );
    counters[name] = rows[0]?.last ?? 0;
  }
  return counters;
}

/** How many numbers are skipped, so that those which others draw meanwhile are below. */
const SKIPPED = 2 ** 20;

/**
 * Has each counter go on from where that of another installation is, if it is not so far. It is not undone with the
 * transaction, which skips numbers.
 *
 * @throws {BrokenFile} for what no installation has
 */
export async function passCounters(
  client: pg.Client,
  counters: Readonly<Record<string, number>>,
): Promise<void> {
  for (const name of COUNTERS) {
    const last = counters[name];
    if (!Number.isSafeInteger(last) || (last ?? 0) < 1 || (last ?? 0) > MOST) {
      throw new BrokenFile('it does not say how far its numbers are');
    }
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(
      `SELECT setval('${name}', $1::bigint + $2) FROM ${name} s WHERE s.last_value < $1`,
      [last, SKIPPED],
    );
  }
}
