import { type ChildProcess, execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { unlessAbsent } from './embedded-cluster.js';
import { EmbeddedUnusable } from './embedded-failure.js';
import { hasCode, type Launcher } from './embedded-launch.js';
import { isAlive, SYSTEM_PATH } from './embedded-lock.js';

/** One process of the `postgres` program. */
export class Postmaster {
  readonly exited: Promise<void>;
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private ending: string | null = null;

  constructor(
    private readonly cluster: string,
    port: number,
    reusedPid: number | null,
    launcher: Launcher,
    log: (message: string) => void,
    settings: Record<string, string>,
  ) {
    const all = {
      log_line_prefix: '[%p] ',
      timezone: 'UTC',
      // What was granted or revoked must survive a power failure.
      fsync: 'on',
      synchronous_commit: 'on',
      ...settings,
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
    };
    this.child = launcher.run(
      'postgres',
      [
        '-D',
        cluster,
        ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        // A process group of its own: Ctrl-C must not end it while we finish requests.
        detached: true,
        // Postgres takes a live process named in postmaster.pid for a rival server, except this one.
        env: reusedPid === null ? {} : { PG_GRANDPARENT_PID: String(reusedPid) },
      },
    );
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        if (this.lines.length > 10) this.lines.shift();
        log(line);
      });
    }
    this.exited = new Promise((settle) => {
      const end = (how: string): void => {
        this.ending ??= how;
        settle();
      };
      this.child.once('error', (error) => end(error.message));
      this.child.once('exit', (code, signal) => {
        // Its last lines may still be in the pipe, which backends may hold open for a while.
        const reason = `ended with ${signal ?? code}`;
        this.child.once('close', () => end(reason));
        setTimeout(end, 200, reason).unref();
      });
    });
  }

  /**
   * Resolves when connections are accepted, by the sign that pg_ctl waits for.
   *
   * @throws if it ends before
   */
  async ready(): Promise<void> {
    const path = join(this.cluster, 'postmaster.pid');
    while (this.ending === null) {
      const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
      if (Number(lines[0]) === this.child.pid && lines[7]?.trim() === 'ready') {
        this.keepAlive(false);
        return;
      }
      await sleep(10);
    }
    // Ended by somebody else, such as a system without memory.
    const passing = this.ending.startsWith('ended with SIG');
    throw new EmbeddedUnusable(`PostgreSQL did not start: ${this.describeEnd()}`, passing);
  }

  /** How it ended, and the last ten lines that it wrote. */
  describeEnd(): string {
    return [this.ending ?? 'still running', ...this.lines].join('\n');
  }

  /** Sends a signal, if it still runs. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it with the signals of {@link ENDING}, one after another until it has ended. */
  async end(): Promise<void> {
    this.keepAlive(true);
    for (const { signal, graceMs } of ENDING) {
      if (this.ending !== null) return;
      this.signal(signal);
      const abort = new AbortController();
      await Promise.race([
        this.exited,
        sleep(graceMs, undefined, { signal: abort.signal }).catch(() => undefined),
      ]);
      abort.abort();
    }
  }

  /** Whether the child keeps this process alive: an idle server must not. */
  private keepAlive(isWaitedFor: boolean): void {
    for (const handle of [this.child, this.child.stdout, this.child.stderr]) {
      // Streams of a child are sockets, which their type does not say.
      if (handle !== this.child && !(handle instanceof Socket)) continue;
      if (isWaitedFor) handle.ref();
      else handle.unref();
    }
  }
}

/**
 * Ends a server that outlived the process which started it, so that a new one can take its place.
 * Call it with the directory lock only: then the process that started it is dead.
 *
 * @returns the process id in `postmaster.pid` if that now belongs to another program, else `null`. The file is
 * left to Postgres even then: it also names the shared memory by which Postgres notices backends
 * that outlived their postmaster, and to start beside those would corrupt the data.
 */
export async function endOrphan(
  cluster: string,
  log: (message: string) => void,
): Promise<number | null> {
  const path = join(cluster, 'postmaster.pid');
  const content = await readFile(path, 'utf8').catch(unlessAbsent);
  if (content === undefined) return null;
  if (content === '') {
    // Written in the same breath as it is created: still empty after a second, a crash emptied it.
    await sleep(1_000);
    if ((await readFile(path, 'utf8').catch(unlessAbsent)) === '') await rm(path);
    return null;
  }
  const pid = Number.parseInt(content, 10);
  if (!(pid > 0) || !isAlive(pid)) return null;
  if (!(await isPostmaster(pid, cluster))) return pid;
  log(`ending the orphaned PostgreSQL server ${pid}`);
  for (const { signal, graceMs } of ENDING) {
    // Checked again each time: ids are reused, and a zombie keeps its id but is no postmaster.
    const deadline = performance.now() + graceMs;
    if (await isPostmaster(pid, cluster)) signalIfThere(pid, signal);
    while (performance.now() < deadline && (await isPostmaster(pid, cluster))) await sleep(15);
  }
  return null;
}

/** The signals that end a server: fast shutdown, immediate shutdown, kill; each with the milliseconds that it may take. */
const ENDING = [
  { signal: 'SIGINT', graceMs: 8_000 },
  { signal: 'SIGQUIT', graceMs: 3_000 },
  { signal: 'SIGKILL', graceMs: 2_000 },
] as const;

// Recognised by its command line, which its children change. A directory that was moved meanwhile is
// recognised by the working directory, which root in a container may not read.
async function isPostmaster(pid: number, cluster: string): Promise<boolean> {
  const command = await commandOf(pid);
  if (!command.includes('bin/postgres -D ')) return false;
  if (command.includes(` -D ${cluster} `)) return true;
  const [theirs, ours] = await Promise.all([
    stat(`/proc/${pid}/cwd`).catch(() => null),
    stat(cluster),
  ]);
  return theirs !== null && theirs.ino === ours.ino && theirs.dev === ours.dev;
}

async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    }
    const words = ['-ww', '-o', 'command=', '-p', String(pid)];
    return (await promisify(execFile)('ps', words, { env: { PATH: SYSTEM_PATH } })).stdout;
  } catch {
    return '';
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
