import { expect, test } from 'vitest';
import { createEmptyDatabase, rows, withClient } from '../setup/harness.js';

const PID = 'SELECT pg_backend_pid() AS pid';

async function pidOf(databaseUrl: string, text = PID): Promise<number> {
  const [found] = await rows<{ pid: number }>(databaseUrl, text);
  return found?.pid ?? 0;
}

test('queries have one connection, one after the other, also after a mistake, and another one when that is ended', async () => {
  const databaseUrl = await createEmptyDatabase();
  const pid = await pidOf(databaseUrl);
  await expect(rows(databaseUrl, 'SELECT 1/0')).rejects.toThrow('division by zero');
  expect(await pidOf(databaseUrl)).toBe(pid);
  const [one, other] = await Promise.all([pidOf(databaseUrl), pidOf(databaseUrl)]);
  expect(one).not.toBe(other);
  await withClient(databaseUrl, (client) =>
    client.query(
      `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    ),
  );
  expect([0, pid, one, other]).not.toContain(await pidOf(databaseUrl));
});

test('what leaves something in its session has a connection of its own', async () => {
  const databaseUrl = await createEmptyDatabase();
  const pid = await pidOf(databaseUrl);
  await rows(databaseUrl, `SET application_name = 'left'`);
  for (const text of [
    `SELECT set_config('application_name', 'left', false), pg_backend_pid() AS pid`,
    'SELECT pg_advisory_lock(1), pg_backend_pid() AS pid',
    'SELECT pg_try_advisory_lock(1), pg_backend_pid() AS pid',
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    expect(await pidOf(databaseUrl, text), text).not.toBe(pid);
  }
  expect(await pidOf(databaseUrl)).toBe(pid);
  const locks = `SELECT FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  expect(await rows(databaseUrl, locks)).toEqual([]);
  expect(await rows(databaseUrl, `SELECT current_setting('application_name') AS name`)).toEqual([
    { name: '' },
  ]);
});

test('what queries have read is in the statistics that the next one reads', async () => {
  const databaseUrl = await createEmptyDatabase();
  await rows(databaseUrl, 'CREATE TABLE looked_at ()');
  for (let n = 0; n < 3; n += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each in the connection of the one before
    await rows(databaseUrl, 'SELECT FROM looked_at');
  }
  const scans = `SELECT seq_scan::int AS scans FROM pg_stat_user_tables WHERE relname = 'looked_at'`;
  expect(await rows(databaseUrl, scans)).toEqual([{ scans: 3 }]);
});
