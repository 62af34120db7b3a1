import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { describeEnvFile, readEnvironment } from '../platform/config/environment.js';
import { timeLimits, type TimeLimits } from '../platform/config/time-limits.js';
import { DatabaseUnusable, StartPatience } from '../platform/database/start-patience.js';
import { findPooler } from '../platform/database/pooler.js';
import { FUNCTION_SET } from '../platform/database/function-set.js';
import { MIGRATIONS, MIGRATIONS_TABLE, migrationOptions } from './data-source.js';
import { makePartitions, updateFunctions } from './functions.js';
import { blockersOf } from './blockers.js';
import { IN_SEQUENCE, isDistributed, refuseUnready } from './distribution/cluster.js';
import { distribute, placeNewTables } from './distribution/distribute.js';
import { buildIndexes } from './index-builds.js';
import { openConnection } from './schema-connection.js';
import { whenTablesAreFree, type Waiting } from './tables-in-use.js';

/** "mandate" in ASCII: the advisory lock that one migrating process holds. */
const MIGRATION_LOCK = '30784981394060389';
/** Milliseconds after which a process that waits for another one looks again. */
const TURN_MS = 200;
/** Milliseconds after which it says so. */
const TELL_AFTER_MS = 5_000;
/** Milliseconds after which `npm run migrate` looks whether another process has built the indexes. */
const ELSEWHERE_MS = 1_000;

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
 * losers of the race find nothing left to do. Functions that a newer version has brought stay. Indexes of
 * large tables are only declared here: no request waits until they are built (`index-builds.ts`).
 *
 * @param url `postgres://…`
 * @param patience how long to wait for a database that does not answer yet, or whose tables are busy
 * @param look is given the connection to a distributed database when the tables are there, before another process has its turn
 * @returns what was done: the names of the migrations that were run, and of the set of functions
 * @throws {UnsupportedDatabase} if it was made by migrations of before
 * @throws {DatabaseUnusable} if the database stays away, or does not let us in
 * @throws the driver's error if a migration fails
 */
export async function migrate(
  url: string,
  patience: StartPatience,
  limits: TimeLimits = timeLimits(),
  look: (connection: pg.Client) => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const done: string[] = [];
  // One that loses its connection begins again where it was: each migration is a transaction.
  await patience.until(async () => {
    const lock = await patience.until(() => openConnection(url, limits.connectMs), {
      quick: true,
    });
    await migrateUnder(lock, url, patience, limits, done, look);
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
  look: (connection: pg.Client) => Promise<void>,
): Promise<void> {
  await underLock(lock, url, patience, limits, async (waiting) => {
    const distributed = await isDistributed(lock);
    if (distributed) await lock.query(IN_SEQUENCE);
    await runMigrations(url, lock, waiting, limits, done, distributed);
    const placed = distributed ? await placeNewTables(lock, waiting) : 0;
    if (placed > 0) done.push(`distribution of ${placed} new tables`);
    if (await updateFunctions(lock, waiting)) {
      done.push(`function set ${FUNCTION_SET.version}`);
    } else if (done.length > 0) {
      await makePartitions(lock, waiting);
    }
    if (distributed) await look(lock);
  });
}

/** Does something while no other process migrates, and ends the connection that has the lock. */
async function underLock(
  lock: pg.Client,
  url: string,
  patience: StartPatience,
  limits: TimeLimits,
  work: (waiting: Waiting) => Promise<void>,
): Promise<void> {
  try {
    await takeTurn(lock, patience);
    await work({
      patience,
      blockersOf: async (pid) => {
        const look = await openConnection(url, limits.connectMs);
        try {
          return await blockersOf(look, pid);
        } finally {
          await look.end();
        }
      },
    });
  } finally {
    // The lock belongs to the session, so it goes with the connection, also when we are killed.
    await lock.end().catch(() => {});
  }
}

/**
 * Waits until no other process migrates, by asking again and again: a statement that waits has a snapshot, which
 * an index that is being built somewhere waits for, and a migration may have to wait for that one.
 *
 * @throws {DatabaseUnusable} if the other one takes longer than the patience
 */
async function takeTurn(lock: pg.Client, patience: StartPatience): Promise<void> {
  const since = performance.now();
  for (;;) {
    const { rows } = await lock.query<{ ours: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS ours',
      [MIGRATION_LOCK],
    );
    if (rows[0]?.ours === true) return;
    if (patience.leftMs <= TURN_MS)
      throw new DatabaseUnusable(
        patience.endedBy(OTHER_MIGRATES, 'start again when it is done'),
        true,
      );
    if (performance.now() - since > TELL_AFTER_MS) patience.tell(OTHER_MIGRATES);
    await sleep(TURN_MS);
  }
}

const OTHER_MIGRATES = 'another process is migrating it';

async function runMigrations(
  url: string,
  lock: pg.Client,
  waiting: Waiting,
  limits: TimeLimits,
  done: string[],
  distributed: boolean,
): Promise<void> {
  const ours = MIGRATIONS.map(({ name }) => name);
  const before = await namesOnRecord(lock);
  refuseEarlierDatabase(before, String(ours[0]));
  // As it is at nearly every start, which need not make connections of TypeORM for that.
  if (ours.every((name) => before.includes(name))) return;
  const dataSource = await new DataSource(migrationOptions(url, limits)).initialize();
  try {
    try {
      // The pool has one connection, so the migrations run on the same.
      const [worker] = await dataSource.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await whenTablesAreFree(waiting, worker?.pid ?? 0, async (lockMs) => {
        await dataSource.query(`SET lock_timeout = ${lockMs}`);
        if (distributed) await dataSource.query(IN_SEQUENCE);
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

/** Builds the indexes that were declared, or waits until another process has. */
async function completeIndexes(url: string, connectMs: number): Promise<string[]> {
  for (let told = false; ; told = true) {
    const { outcome, built } = await buildIndexes(url, { connectMs, say });
    if (outcome === 'whole') return built.map((name) => `index ${name}`);
    if (!told) say('another process builds the indexes: waiting for it');
    await sleep(ELSEWHERE_MS);
  }
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Thrown where there is no database to migrate by hand. */
export class NothingToMigrate extends Error {
  override readonly name = 'NothingToMigrate';

  constructor() {
    super('DATABASE_URL is needed; the embedded database migrates at start');
  }
}

/**
 * Does all that a new version does to a database, and waits until the indexes of large tables are built: `mandate
 * migrate`, and `npm run migrate`. Needs no key-encryption key.
 *
 * @param options `distribute`: turns a database on Citus into a distributed one (`distribution/distribute.ts`)
 * @returns what was done
 * @throws as {@link migrate}, for an environment that is not valid, {@link NothingToMigrate}, and
 *   {@link CannotDistribute}
 */
export async function migrateByHand(options: { readonly distribute: boolean }): Promise<string[]> {
  const { env, file, warnings } = readEnvironment({ opens: false });
  const read = describeEnvFile(file);
  if (read !== null) say(read);
  for (const warning of warnings) say(warning);
  const { databaseUrl, startSeconds, limits } = env;
  if (databaseUrl === undefined) throw new NothingToMigrate();
  const patience = new StartPatience(startSeconds, say);
  await patience.until(() => findPooler(databaseUrl, limits.connectMs), { quick: true });
  // What cannot be distributed is left as it is.
  if (options.distribute) await checkDistributable(databaseUrl, limits);
  const done = await migrate(databaseUrl, patience, limits);
  done.push(...(await completeIndexes(databaseUrl, limits.connectMs)));
  if (options.distribute) {
    const lock = await openConnection(databaseUrl, limits.connectMs);
    await underLock(lock, databaseUrl, patience, limits, async (waiting) => {
      done.push(...(await distribute(lock, waiting)));
    });
  }
  return done;
}

async function checkDistributable(url: string, limits: TimeLimits): Promise<void> {
  const client = await openConnection(url, limits.connectMs);
  try {
    await refuseUnready(client);
  } finally {
    await client.end().catch(() => {});
  }
}
