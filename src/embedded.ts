import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Env, RunningEnv } from './platform/config/env.js';
import { InvalidEnvironment } from './platform/config/environment-problems.js';
import type { KeyCustody } from './platform/config/key-custody.js';
import { writePrivate } from './platform/config/private-file.js';
import { unlessAbsent } from './platform/database/embedded-cluster.js';
import { explainEmbedded } from './platform/database/embedded-failure.js';
import { DataDirectoryInUse } from './platform/database/embedded-lock.js';
import { startEmbeddedPostgres } from './platform/database/embedded-postgres.js';
import { saying } from './platform/progress.js';
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
 * @throws {DataDirectoryUnusable} if nothing can be written there
 */
export async function prepare(env: Env, logger: Logger): Promise<Prepared> {
  const { databaseUrl } = env;
  if (databaseUrl !== undefined) {
    return {
      env: { ...env, databaseUrl, embedded: false, workers: env.workers ?? 1 },
      embedded: false,
      stop: () => Promise.resolve(),
    };
  }
  try {
    return await prepareEmbedded(env, logger);
  } catch (error) {
    throw await explainEmbedded(error, env.dataDir);
  }
}

async function prepareEmbedded(env: Env, logger: Logger): Promise<Prepared> {
  const { custody, dataDir } = env;
  const isThere = existsSync(join(dataDir, 'postgres', 'PG_VERSION'));
  const what = `${isThere ? 'starting the' : 'making a'} PostgreSQL database in ${dataDir}`;
  const server = await saying(logger, what, () =>
    startEmbeddedPostgres({
      dataDir,
      log: (message) => logger.debug({ context: 'postgres' }, message),
    }),
  );
  try {
    const adminTokens =
      env.adminTokens.length > 0
        ? env.adminTokens
        : [await loadOrGenerate(join(dataDir, 'admin-token'), 'base64url')];
    return {
      env: {
        ...env,
        databaseUrl: server.url,
        embedded: true,
        workers: env.workers ?? 1,
        custody: await withKeyEncryptionKey(custody, dataDir, server.url),
        adminTokens,
      },
      embedded: true,
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
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
 * Keeps who mandates are from, for the next start to compare.
 *
 * @returns who they were from at the start before, if that was somebody else; else `null`
 */
export async function rememberIssuer(dataDir: string, issuerUrl: string): Promise<string | null> {
  const path = join(dataDir, 'issuer');
  const before = (await readFile(path, 'utf8').catch(unlessAbsent))?.trim();
  if (before === issuerUrl) return null;
  await writePrivate(path, `${issuerUrl}\n`);
  return before ?? null;
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
  if (custody.provider !== 'env') return custody;
  const path = join(dataDir, 'key-encryption-key');
  if (custody.key !== undefined) {
    if (!existsSync(path)) return custody;
    return { ...custody, keyRemedy: `take it away, since the key of this database is in ${path}` };
  }
  const text = await loadOrGenerate(path, 'hex', async () => {
    if (!(await isSealed(databaseUrl))) return;
    throw new InvalidEnvironment([
      `${path} is missing, and what is in the database is sealed with the key that was in it; restore it`,
    ]);
  });
  const keyRemedy = 'restore the file, or give the key as KEY_ENCRYPTION_KEY';
  return { ...custody, key: Buffer.from(text, 'hex'), keyOrigin: `What ${path} holds`, keyRemedy };
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
