import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { InvalidEnvironment, readEnv } from '../platform/config/env.js';
import { timeLimits, type TimeLimits } from '../platform/config/time-limits.js';
import { DatabaseUnusable, StartPatience } from '../platform/database/start-patience.js';
import { FUNCTION_SET } from '../platform/database/function-set.js';
import { MIGRATIONS, MIGRATIONS_TABLE, migrationOptions } from './data-source.js';
import { makePartitions, updateFunctions } from './functions.js';
import { whenTablesAreFree } from './tables-in-use.js';

/** "mandate" in ASCII: the advisory lock that one migrating process holds. */
const MIGRATION_LOCK = '30784981394060389';

/** The database was made by migrations that are not ours and cannot be continued. */
export class UnsupportedDatabase extends Error {
  override readonly name = 'UnsupportedDatabase';

  constructor() {
    super(
      'this database was made by a version of Mandate from before its first release, which cannot be ' +
        'upgraded: start with an empty database (another DATABASE_URL or, for the embedded one, another DATA_DIR)',
    );
  }
}

/**
 * Brings the tables and the SQL functions up to date. Processes that start together take turns; the
 * losers of the race find nothing left to do. Functions that a newer version has brought stay.
 *
 * @param url `postgres://…`
 * @param patience how long to wait for a database that does not answer yet, or whose tables are busy
 * @returns what was done: the names of the migrations that were run, and of the set of functions
 * @throws {UnsupportedDatabase} if it was made by migrations of before
 * @throws {DatabaseUnusable} if the database stays away, or does not let us in
 * @throws the driver's error if a migration fails
 */
export async function migrate(
  url: string,
  patience: StartPatience,
  limits: TimeLimits = timeLimits(),
): Promise<string[]> {
  const done: string[] = [];
  // One that loses its connection begins again where it was: each migration is a transaction.
  await patience.until(async () => {
    const lock = await patience.until(() => connect(url, limits), { quick: true });
    await migrateUnder(lock, url, patience, limits, done);
  });
  return done;
}

/** @param done is given what was done, also before a failure */
async function migrateUnder(
  lock: pg.Client,
  url: string,
  patience: StartPatience,
  limits: TimeLimits,
  done: string[],
): Promise<void> {
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runMigrations(url, lock, patience, limits, done);
    if (await updateFunctions(lock, patience)) {
      done.push(`function set ${FUNCTION_SET.version}`);
    } else if (done.length > 0) {
      await makePartitions(lock, patience);
    }
  } finally {
    // The lock belongs to the session, so it goes with the connection, also when we are killed.
    await lock.end().catch(() => {});
  }
}

async function runMigrations(
  url: string,
  lock: pg.Client,
  patience: StartPatience,
  limits: TimeLimits,
  done: string[],
): Promise<void> {
  const ours = MIGRATIONS.map(({ name }) => name);
  const before = await namesOnRecord(lock);
  refuseEarlierDatabase(before, String(ours[0]));
  // As it is at nearly every start, which need not make connections of TypeORM for that.
  if (ours.every((name) => before.includes(name))) return;
  const dataSource = await new DataSource(migrationOptions(url, limits)).initialize();
  try {
    try {
      await whenTablesAreFree(patience, async (lockMs) => {
        // The pool has one connection, so the migrations run on the same.
        await dataSource.query(`SET lock_timeout = ${lockMs}`);
        // Each in a transaction of its own, so that none holds tables while the next one waits.
        await dataSource.runMigrations({ transaction: 'each' });
      });
    } finally {
      const after = await namesOnRecord(lock);
      done.push(...after.filter((name) => !before.includes(name)));
    }
  } finally {
    await dataSource.destroy();
  }
}

/** The names of the migrations that were run, in order. */
async function namesOnRecord(client: pg.Client): Promise<string[]> {
  const found = await client.query(`SELECT WHERE to_regclass('${MIGRATIONS_TABLE}') IS NOT NULL`);
  if (found.rowCount === 0) return [];
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
  );
  return rows.map(({ name }) => name);
}

/** Migrations build on each other, so where any were run, our first must be among them. */
function refuseEarlierDatabase(names: readonly string[], first: string): void {
  if (names.length > 0 && !names.includes(first)) throw new UnsupportedDatabase();
}

async function connect(url: string, limits: TimeLimits): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    // Not awaited: what never answered does not answer a goodbye.
    void client.end().catch(() => {});
    throw error;
  }
}

/** `npm run migrate` */
async function main(): Promise<void> {
  const { databaseUrl, startSeconds, limits } = readEnv();
  if (databaseUrl === undefined) {
    process.stderr.write('DATABASE_URL is needed; the embedded database migrates at start\n');
    process.exit(1);
  }
  const patience = new StartPatience(startSeconds, (message) =>
    process.stderr.write(`${message}\n`),
  );
  const done = await migrate(databaseUrl, patience, limits);
  process.stdout.write(done.length === 0 ? 'nothing to do\n' : `ran ${done.join(', ')}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await main();
  } catch (error) {
    // These are about how the process was started, so the stack is left out.
    const known = [UnsupportedDatabase, DatabaseUnusable, InvalidEnvironment].some(
      (type) => error instanceof type,
    );
    const told = error instanceof Error ? (known ? error.message : error.stack) : String(error);
    process.stderr.write(`${told}\n`, () => process.exit(1));
  }
}
