import { spawn } from 'node:child_process';
import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The PATH for system programs: fixed, so that every start finds the same ones. */
export const SYSTEM_PATH =
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

/** Thrown when another live process runs its server on this data directory. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';

  constructor(
    readonly directory: string,
    readonly pid: number | null,
  ) {
    const holder = pid === null ? 'another process' : `process ${pid}`;
    super(
      `DATA_DIR, ${directory}, is in use by ${holder}: stop that one, or set DATA_DIR to another directory`,
    );
  }
}

/** An exclusive lock on one data directory. */
export interface DirectoryLock {
  release(): void;
}

// Milliseconds to wait for the lock: a killed holder takes a moment to die, a new one a moment to write its pid.
const LOCK_WAIT_MS = 500;

// BSD and macOS can lock while opening; Node passes the flag through but does not name it.
const O_EXLOCK = 0x20;

/**
 * Locks the data directory for this process.
 *
 * The kernel decides: flock(2) is atomic, so two simultaneous starts cannot both have it, and it
 * belongs to an open file, so it ends with the process however the process ends. Nothing can be
 * stale and nothing has to be broken, which is where pid files have their races. Node cannot call
 * flock itself, but a lock belongs to the open file and not to the process that asked for it: flock(1)
 * takes it on a descriptor that it inherits from us and exits, and we still hold it. The
 * descriptor is close-on-exec, so Postgres never inherits it and an orphaned server holds nothing.
 *
 * The file is never removed: a process that still had the old one open would lock a nameless file. Its
 * content, our pid, is only for the message.
 *
 * @throws {DataDirectoryInUse}
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'postgres.lock');
  const deadline = performance.now() + LOCK_WAIT_MS;
  let held = await takeLock(path);
  while (held === null) {
    if (performance.now() > deadline) {
      throw new DataDirectoryInUse(directory, await holderNamedIn(path));
    }
    await sleep(25);
    held = await takeLock(path);
  }
  const { file, unlock } = held;
  ftruncateSync(file);
  writeSync(file, `${process.pid}\n`);
  let released = false;
  return {
    release() {
      if (released) return;
      released = true;
      ftruncateSync(file);
      unlock();
    },
  };
}

/** A lock that was taken. */
interface HeldLock {
  /** A bare descriptor: a FileHandle would be closed by the garbage collector, and the lock with it. */
  file: number;
  unlock: () => void;
}

async function takeLock(path: string): Promise<HeldLock | null> {
  if (process.platform !== 'linux') return lockByOpening(path);
  const file = openSync(path, 'a+', 0o600);
  const unlock = (): void => closeSync(file);
  try {
    const status = await lockInherited(file);
    if (status === 0) return { file, unlock };
    if (status === 'absent') {
      const { dev, ino } = statSync(path);
      const closeName = await bindAbstractSocket(`\0mandate-data-${dev}-${ino}`);
      if (closeName !== null) return { file, unlock: () => (closeName(), unlock()) };
    } else if (status !== 1) {
      throw new Error(`cannot lock ${path}: flock ended with ${status}`);
    }
  } catch (error) {
    unlock();
    throw error;
  }
  unlock();
  return null;
}

function lockByOpening(path: string): HeldLock | null {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = constants;
  try {
    const file = openSync(path, O_RDWR | O_CREAT | O_NONBLOCK | O_EXLOCK, 0o600);
    return { file, unlock: () => closeSync(file) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
    throw error;
  }
}

function lockInherited(file: number): Promise<number | null | 'absent'> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '-n', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file],
      env: { PATH: SYSTEM_PATH },
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('absent');
      else reject(error);
    });
    child.once('exit', (code) => resolve(code));
  });
}

/**
 * The lock where flock(1) is missing: an abstract socket, a name that the kernel gives to one process and
 * takes back when it dies. Second choice because another container on the same volume does not see it.
 */
function bindAbstractSocket(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen({ path: name, exclusive: true }, () => {
      server.unref();
      resolve(() => server.close());
    });
  });
}

async function holderNamedIn(path: string): Promise<number | null> {
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  return pid > 0 && isAlive(pid) ? pid : null;
}

/** Whether a process with this id exists, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
