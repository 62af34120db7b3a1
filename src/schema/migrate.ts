import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { readEnv } from '../platform/config/env.js';
import { migrationOptions } from './data-source.js';

/** "mandate" in ASCII: the advisory lock that one migrating process holds. */
const MIGRATION_LOCK = '30784981394060389';

/**
 * Brings the schema up to date. Processes that start together take turns; the losers of the race
 * find nothing left to do.
 *
 * @param url `postgres://…`
 * @param log told what is going on
 * @param patienceMs how long to wait for a database that does not answer yet
 * @returns the names of the migrations that were run
 * @throws the driver's error if the database stays away or a migration fails
 */
export async function migrate(
  url: string,
  log: (message: string) => void,
  patienceMs = 60_000,
): Promise<string[]> {
  const lock = await connectPatiently(url, log, patienceMs);
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const dataSource = await new DataSource(migrationOptions(url)).initialize();
    try {
      const done = await dataSource.runMigrations({ transaction: 'each' });
      return done.map((migration) => migration.name);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    // The lock belongs to the session, so it goes with the connection, also when we are killed.
    await lock.end().catch(() => {});
  }
}

async function connectPatiently(
  url: string,
  log: (message: string) => void,
  patienceMs: number,
): Promise<pg.Client> {
  for (let waited = 0; ; waited += 1_000) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      if (waited >= patienceMs) throw error;
      log('the database does not answer yet, trying again in a second');
      await sleep(1_000);
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { databaseUrl } = readEnv();
  if (databaseUrl === undefined) {
    process.stderr.write('DATABASE_URL is needed; the embedded database migrates at start\n');
    process.exit(1);
  }
  const done = await migrate(databaseUrl, (message) => process.stderr.write(`${message}\n`));
  process.stdout.write(done.length === 0 ? 'nothing to do\n' : `ran ${done.join(', ')}\n`);
}
