import { DataSource } from 'typeorm';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { migrate } from '../../src/schema/migrate.js';
import { jsonOf, runCli } from '../setup/cli.js';
import { createEmptyDatabase, rows } from '../setup/harness.js';

test('where all migrations were run no connections are made for them', async () => {
  const initialize = vi.spyOn(DataSource.prototype, 'initialize');
  onTestFinished(() => initialize.mockRestore());
  const databaseUrl = await createEmptyDatabase();
  const start = () => migrate(databaseUrl, new StartPatience(60, () => {}));
  expect(await start()).not.toEqual([]);
  expect(initialize).toHaveBeenCalledTimes(1);
  expect(await start()).toEqual([]);
  expect(initialize).toHaveBeenCalledTimes(1);
});

test('mandate migrate does it with the URL of the database alone, and says what it did', async () => {
  const databaseUrl = await createEmptyDatabase();
  const first = await runCli(['migrate'], { DATABASE_URL: databaseUrl });
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^ran FunctionSets\d+\nran Zones\d+\n[^]*\nran function set \d+\n/);
  const made = await rows(databaseUrl, 'SELECT 1 FROM schema_migrations');
  expect(first.stdout.match(/^ran [A-Z]\w+\d{13}$/gm)).toHaveLength(made.length);
  // Nothing else is begun: no zone, no key.
  expect(await rows(databaseUrl, 'SELECT 1 FROM key_encryption_keys')).toEqual([]);
  const again = await runCli(['migrate', '--json'], { DATABASE_URL: databaseUrl });
  expect(jsonOf(again)).toEqual({ ran: [] });
  expect((await runCli(['migrate'], { DATABASE_URL: databaseUrl })).stdout).toBe('nothing to do\n');
});

test('mandate migrate says in a sentence why it could not', async () => {
  const nowhere = await runCli(['migrate'], {});
  expect(nowhere).toMatchObject({ code: 3, stdout: '' });
  expect(nowhere.stderr).toBe('DATABASE_URL is needed; the embedded database migrates at start\n');
  const missing = new URL(await createEmptyDatabase());
  missing.pathname = '/not_there';
  const refused = await runCli(['migrate'], { DATABASE_URL: missing.href });
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toMatch(/^the database that DATABASE_URL names is not there: .*\n$/);
});

test('mandate migrate --distribute refuses a database without Citus, and leaves it as it is', async () => {
  const databaseUrl = await createEmptyDatabase();
  const refused = await runCli(['migrate', '--distribute'], { DATABASE_URL: databaseUrl });
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  // A busy machine may take a moment to answer, which is said before.
  expect(refused.stderr).toMatch(
    /^(.*\n)*this database has no extension citus: CREATE EXTENSION citus in it, on the coordinator and on every worker\n$/,
  );
  const tables = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`;
  expect(await rows(databaseUrl, tables)).toEqual([]);
});
