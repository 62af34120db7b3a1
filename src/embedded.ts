import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import { InvalidEnvironment, type Env, type RunningEnv } from './platform/config/env.js';
import type { KeyCustody } from './platform/config/key-custody.js';
import { writePrivate } from './platform/config/private-file.js';
import { unlessAbsent } from './platform/database/embedded-cluster.js';
import { DataDirectoryInUse } from './platform/database/embedded-lock.js';
import { startEmbeddedPostgres } from './platform/database/embedded-postgres.js';
import { urlOfRunningServer } from './platform/database/embedded-running.js';

/** A complete environment, and how to stop what was started for it. */
export interface Prepared {
  readonly env: RunningEnv;
  /** Whether the database is the embedded one. */
  readonly embedded: boolean;
  readonly stop: () => Promise<void>;
}

/**
 * Completes the environment. Without a `DATABASE_URL` it starts an embedded PostgreSQL and generates
 * a key-encryption key and an admin token, all kept under the data directory.
 *
 * @throws {DataDirectoryInUse} if another process runs a server there
 */
export async function prepare(env: Env, logger: Logger): Promise<Prepared> {
  const { databaseUrl, custody, dataDir } = env;
  if (databaseUrl !== undefined) {
    return {
      env: { ...env, databaseUrl, embedded: false, workers: env.workers ?? 1 },
      embedded: false,
      stop: () => Promise.resolve(),
    };
  }
  const server = await startEmbeddedPostgres({
    dataDir,
    log: (message) => logger.debug({ context: 'postgres' }, message),
  });
  const adminToken =
    env.adminToken ?? (await loadOrGenerate(join(dataDir, 'admin-token'), 'base64url'));
  return {
    env: {
      ...env,
      databaseUrl: server.url,
      embedded: true,
      workers: env.workers ?? 1,
      custody: await withKeyEncryptionKey(custody, dataDir, server.url),
      adminToken,
    },
    embedded: true,
    stop: () => server.stop(),
  };
}

/**
 * Like {@link prepare}, but uses the server that another process runs on the data directory, if one does.
 *
 * @throws if no server runs there and none can be started
 */
export async function attach(env: Env, logger: Logger): Promise<Prepared> {
  try {
    return await prepare(env, logger);
  } catch (error) {
    if (!(error instanceof DataDirectoryInUse)) throw error;
    const databaseUrl = await urlOfRunningServer(env.dataDir);
    const custody = await withKeyEncryptionKey(env.custody, env.dataDir, databaseUrl);
    return {
      env: { ...env, databaseUrl, embedded: true, custody, workers: 1 },
      embedded: true,
      stop: () => Promise.resolve(),
    };
  }
}

/**
 * `custody` with a generated key-encryption key, if none is given and no KMS has one. For a database that was
 * sealed already none is generated: another one would open nothing, and stand where the right one belongs.
 *
 * @throws {InvalidEnvironment} if the key of a sealed database is missing
 */
async function withKeyEncryptionKey(
  custody: KeyCustody,
  dataDir: string,
  databaseUrl: string,
): Promise<KeyCustody> {
  if (custody.key !== undefined || custody.provider !== 'env') return custody;
  const path = join(dataDir, 'key-encryption-key');
  const text = await loadOrGenerate(path, 'hex', async () => {
    if (!(await isSealed(databaseUrl))) return;
    throw new InvalidEnvironment([
      `${path} is missing, and what is in the database is sealed with the key that was in it; restore it`,
    ]);
  });
  return { ...custody, key: Buffer.from(text, 'hex') };
}

/** Whether a key-encryption key has sealed anything in a database. One that is new has no tables yet. */
async function isSealed(databaseUrl: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl });
  // What fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows: tables } = await client.query(
      "SELECT 1 WHERE to_regclass('key_encryption_keys') IS NOT NULL",
    );
    if (tables.length === 0) return false;
    const { rows: keys } = await client.query('SELECT 1 FROM key_encryption_keys LIMIT 1');
    return keys.length > 0;
  } finally {
    await client.end();
  }
}

/**
 * A random value of 32 bytes, generated once and kept in a file that only its owner may read. A file
 * that was emptied or cut is refused, not replaced: the database may be sealed with what was in it.
 *
 * @param beforeGenerating throws if none must be generated
 * @throws {InvalidEnvironment}
 */
async function loadOrGenerate(
  path: string,
  encoding: 'hex' | 'base64url',
  beforeGenerating = () => Promise.resolve(),
): Promise<string> {
  const known = (await readFile(path, 'utf8').catch(unlessAbsent))?.trim();
  if (known === undefined) {
    await beforeGenerating();
    const generated = randomBytes(32).toString(encoding);
    await writePrivate(path, generated);
    return generated;
  }
  const bytes = Buffer.from(known, encoding);
  if (bytes.length !== 32 || bytes.toString(encoding) !== known) {
    throw new InvalidEnvironment([`${path} does not hold what was written into it; restore it`]);
  }
  return known;
}
