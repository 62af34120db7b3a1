import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lchown,
  mkdtemp,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedUnusable } from './embedded-failure.js';
import { type Account, ADVICE, exists, type Launcher } from './embedded-launch.js';

/** The name of the superuser, and of the database that it owns. */
export const OWNER = 'mandate';

const MAJOR = '18';

/**
 * The superuser's password: generated once, and durable before any cluster is made with it.
 *
 * @throws if there is a cluster but no password
 */
export async function clusterPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'postgres-password');
  const kept = (await readFile(path, 'utf8').catch(unlessAbsent))?.trim();
  if (kept) return kept;
  if (await exists(join(dataDir, 'postgres', 'PG_VERSION'))) {
    throw new EmbeddedUnusable(
      `${path} is missing, and ${join(dataDir, 'postgres')} cannot be opened without it: restore it, or set DATA_DIR to another directory`,
    );
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(`${path}.new`, `${password}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  await sync(dataDir);
  return password;
}

/**
 * The cluster directory, made with initdb if it is absent. It is made beside its place and moved
 * there when it is complete and on disk, so one that exists is whole, whenever the process is killed.
 *
 * @throws if the cluster is of another major version, or initdb fails
 */
export async function prepareCluster(
  dataDir: string,
  password: string,
  launcher: Launcher,
  log: (message: string) => void,
): Promise<string> {
  const cluster = join(dataDir, 'postgres');
  await removeDrafts(dataDir, log);
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(unlessAbsent))?.trim();
  if (version === undefined) {
    log('making a new PostgreSQL cluster');
    const draft = await mkdtemp(join(dataDir, 'postgres.init-'));
    await writeFile(join(draft, 'password'), password, { mode: 0o600 });
    if (launcher.account !== null) await giveTo(launcher.account, draft);
    await runToEnd(
      launcher.run('initdb', [
        `--pgdata=${join(draft, 'cluster')}`,
        `--username=${OWNER}`,
        `--pwfile=${join(draft, 'password')}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
      ]),
    );
    await rename(join(draft, 'cluster'), cluster);
    await sync(dataDir);
    await rm(draft, { recursive: true, force: true });
  } else if (version !== MAJOR) {
    throw new EmbeddedUnusable(
      `${cluster} was made by PostgreSQL ${version}, and this is PostgreSQL ${MAJOR}: set DATA_DIR to another directory, or DATABASE_URL to a server of that version`,
    );
  } else if (launcher.account !== null && (await stat(cluster)).uid === 0) {
    // Copied or restored by root: the server would refuse what it does not own.
    await giveTo(launcher.account, cluster);
  }
  return cluster;
}

async function removeDrafts(dataDir: string, log: (message: string) => void): Promise<void> {
  const stale = (await readdir(dataDir)).filter((name) => name.startsWith('postgres.init-'));
  for (const name of stale) {
    log(`removing ${name}, left by a start that was interrupted`);
    // An orphaned initdb may still be writing there, which is harmless: the draft is never used.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 3 }).catch(
      (error: unknown) => log(`could not remove ${name}: ${String(error)}`),
    );
  }
}

async function giveTo({ uid, gid }: Account, directory: string): Promise<void> {
  const names = await readdir(directory, { recursive: true });
  await Promise.all(names.map((name) => lchown(join(directory, name), uid, gid)));
  await chown(directory, uid, gid);
  await chmod(directory, 0o700);
}

function runToEnd(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-2_000);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    // One that goes on would write on in a directory that the next start takes away.
    const onExit = (): void => void child.kill('SIGTERM');
    process.once('exit', onExit);
    child.once('error', ({ message }) =>
      reject(
        new EmbeddedUnusable(`cannot run the PostgreSQL programs here: ${message}. ${ADVICE}`),
      ),
    );
    child.once('close', (code, signal) => {
      process.removeListener('exit', onExit);
      if (code === 0) {
        resolve();
        return;
      }
      const how = `initdb ended with ${signal ?? code}: ${output.trim()}`;
      // Ended by somebody else, such as a system without memory.
      reject(new EmbeddedUnusable(how, signal !== null));
    });
  });
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** For `.catch` of a file operation: `undefined` for a file that is not there; every other error is rethrown. */
export function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
