import { expect, test } from 'vitest';
import { countRows, countWithin } from '../../src/platform/database/bounded-count.js';
import { createDatabase, withClient } from '../setup/harness.js';

/** Counts in a transaction in which a statement may take so long. */
async function counting<T>(
  timeout: string,
  use: (tx: Parameters<typeof countWithin>[0]) => Promise<T>,
): Promise<{ readonly counted: T; readonly after: unknown }> {
  return withClient(await createDatabase(), async (client) => {
    await client.query('BEGIN');
    await client.query(`SET LOCAL statement_timeout = '${timeout}'`);
    const query = async <R>(text: string, values: unknown[] = []) =>
      (await client.query(text, values)).rows as R;
    const counted = await use({ query });
    const { rows } = await client.query('SHOW statement_timeout');
    return { counted, after: rows };
  });
}

test('a count may take three tenths of what a statement may, and what comes after it all of that', async () => {
  const limit = `SELECT (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::int AS n`;
  expect(await counting('20s', (tx) => countWithin(tx, limit, []))).toEqual({
    counted: 6_000,
    after: [{ statement_timeout: '20s' }],
  });
});

test('what takes longer is not counted, and that is said', async () => {
  const kinds = { slow: 'pg_sleep(600)', none: null };
  expect(await counting('300ms', (tx) => countRows(tx, kinds, []))).toEqual({
    counted: { slow: null, none: 0 },
    after: [{ statement_timeout: '300ms' }],
  });
});
