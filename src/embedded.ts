import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
      env: { ...env, databaseUrl },
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
      custody: await withKeyEncryptionKey(custody, dataDir),
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
    const custody = await withKeyEncryptionKey(env.custody, env.dataDir);
    return { env: { ...env, databaseUrl, custody }, embedded: true, stop: () => Promise.resolve() };
  }
}

/** `custody` with a generated key-encryption key, if none is given and no KMS has one. */
async function withKeyEncryptionKey(custody: KeyCustody, dataDir: string): Promise<KeyCustody> {
  if (custody.key !== undefined || custody.provider !== 'env') return custody;
  const text = await loadOrGenerate(join(dataDir, 'key-encryption-key'), 'hex');
  return { ...custody, key: Buffer.from(text, 'hex') };
}

/**
 * A random value of 32 bytes, generated once and kept in a file that only its owner may read. A file
 * that was emptied or cut is refused, not replaced: the database may be sealed with what was in it.
 *
 * @throws {InvalidEnvironment}
 */
async function loadOrGenerate(path: string, encoding: 'hex' | 'base64url'): Promise<string> {
  const known = (await readFile(path, 'utf8').catch(unlessAbsent))?.trim();
  if (known === undefined) {
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
