import { expect, onTestFinished, test, vi } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { migrate } from '../../src/schema/migrate.js';
import { createEmptyDatabase, rows, withClient } from '../setup/harness.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { until } from '../setup/process.js';

const ZONE = '0190f4c8-0000-7000-8000-000000000001';

/** Takes the database back to where enrolments had no keys. */
const BEFORE = `
  ALTER TABLE enrolments DROP COLUMN id, DROP COLUMN sealed_secret;
  DROP INDEX enrolments_by_expiry;
  ALTER TABLE authenticators DROP COLUMN key_drawn;
  DELETE FROM schema_migrations WHERE name LIKE 'EnrolmentKeys%'`;

/** As a backup has the tables that it reads, for as long as it runs. */
const READING: Statement = ['LOCK TABLE enrolments IN ACCESS SHARE MODE', []];

const ENROL = `INSERT INTO enrolments (zone_id, token_digest, subject, expires_at)
  VALUES ($1, sha256(gen_random_uuid()::text::bytea), 'alice', now() + interval '1 hour')`;

const patience = (seconds: number, told: string[] = []) =>
  new StartPatience(seconds, (message) => told.push(message));

const USED_BY =
  /^the database does not answer yet: its tables are busy, used by process \d+ \(a backup\); waiting for \d+ s more$/;

/** A database that lacks a migration which alters the table of enrolments. */
async function databaseOfBefore(): Promise<string> {
  const databaseUrl = await createEmptyDatabase();
  await migrate(databaseUrl, patience(60));
  await rows(databaseUrl, BEFORE);
  const zone = `INSERT INTO zones (id, name, sealed_digest_key) VALUES ($1, 'zone', '')`;
  await rows(databaseUrl, zone, [ZONE]);
  return databaseUrl;
}

/** Waits until somebody waits for the table that is read. */
function isWaitedFor(databaseUrl: string): Promise<boolean> {
  const waiting = `SELECT 1 FROM pg_locks
    WHERE relation = 'enrolments'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  return until(async () => (await rows(databaseUrl, waiting)).length > 0);
}

test('a migration does not keep others from a table that somebody reads, and is done afterwards', async () => {
  const databaseUrl = await databaseOfBefore();
  const told: string[] = [];
  const since = performance.now();
  const printed = vi.spyOn(console, 'log');
  onTestFinished(() => printed.mockRestore());
  const { migrating } = await whileOpen(databaseUrl, READING, (reader) =>
    withClient(databaseUrl, async (writer) => {
      await reader.query(`SET application_name = 'a backup'`);
      await writer.query(`SET lock_timeout = '20s'`);
      const started = migrate(databaseUrl, patience(60, told));
      for (let i = 0; i < 3; i += 1) {
        // oxlint-disable-next-line no-await-in-loop
        await isWaitedFor(databaseUrl);
        // oxlint-disable-next-line no-await-in-loop
        await writer.query(ENROL, [ZONE]);
      }
      await until(async () => told.some((message) => USED_BY.test(message)));
      // Not awaited inside: it goes on only when the reader has ended.
      return { migrating: started };
    }),
  );
  expect(await migrating).toEqual([expect.stringMatching(/^EnrolmentKeys/)]);
  // What keeps it is said now and then, not at each of three attempts, and nothing else is said.
  const again = Math.floor((performance.now() - since) / 10_000);
  expect(told.filter((message) => USED_BY.test(message)).length).toBeLessThanOrEqual(1 + again);
  expect(told.length).toBeLessThanOrEqual(2 + again);
  expect(printed).not.toHaveBeenCalled();
  const enrolled = 'SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM enrolments';
  expect(await rows(databaseUrl, enrolled)).toEqual([{ n: 3, ids: 3 }]);
});

test('a start whose patience ends before the reader does says so, and the next one goes on', async () => {
  const databaseUrl = await databaseOfBefore();
  await whileOpen(databaseUrl, READING, () =>
    expect(migrate(databaseUrl, patience(1))).rejects.toThrow('its tables are busy'),
  );
  expect(await migrate(databaseUrl, patience(60))).toEqual([
    expect.stringMatching(/^EnrolmentKeys/),
  ]);
});
