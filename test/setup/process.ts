import { spawn } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readByNode, runHosted, type Hosted } from './hosts.js';
import { SHORT_LIVED } from './node-flags.js';
import { MAIN, PATIENT_LIMITS } from './server-process.js';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds from its start, or from the last signal that was sent, to its end. */
  readonly took: number;
}

/** A server process of which nothing is expected yet, not even that it starts. */
export interface ServerProcess {
  readonly pid: number;
  /** Everything that it has said so far. */
  readonly output: () => string;
  readonly lines: () => string[];
  /** Waits until it says something. Fails if it ends before, or does not in time. */
  readonly says: (what: RegExp, patienceMs?: number) => Promise<RegExpExecArray>;
  /** Its ports, as soon as it listens. */
  readonly listens: (patienceMs?: number) => Promise<{ ports: number[]; took: number }>;
  readonly kill: (signal?: NodeJS.Signals) => void;
  readonly ended: Promise<Ending>;
}

const running = new Set<ServerProcess>();

/** Kills what tests have left behind. To be called after all tests of a file that starts processes. */
export async function killProcesses(): Promise<void> {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
}

/** The built server as a process of its own, where that is what is looked at. */
export const OWN_PROCESS = [process.execPath, ...SHORT_LIVED, MAIN] as const;

/**
 * Starts the built server with exactly this environment (and a PATH, and one process and patience unless it says
 * otherwise), in a process that may have run others before (`hosts.ts`).
 *
 * @param command starts it as a process of its own ({@link OWN_PROCESS}, which it is where Node reads something of the
 *   environment), or is another command that starts it
 */
export function startProcess(
  env: Readonly<Record<string, string>>,
  cwd = '/tmp',
  command: readonly [string, ...string[]] | undefined = readByNode(env) ? OWN_PROCESS : undefined,
): ServerProcess {
  let since = performance.now();
  const one = { PATH: process.env['PATH'] ?? '', WORKERS: '1' };
  const whole = { ...one, ...PATIENT_LIMITS, ...env };
  let said = '';
  const onText = (text: string): void => void (said += text);
  const child =
    command === undefined
      ? runHosted({ main: MAIN, env: whole, directory: cwd }, onText)
      : spawnCommand(command, whole, cwd, onText);
  let over = false;
  const ended = child.ended.then((ending) => {
    over = true;
    return { ...ending, took: performance.now() - since };
  });
  const says = async (what: RegExp, patienceMs = 100_000): Promise<RegExpExecArray> => {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = what.exec(said);
      if (found !== null) return found;
      if (over || performance.now() > deadline) {
        throw new Error(`the server ${over ? 'ended' : 'did not say'} ${String(what)}:\n${said}`);
      }
      await sleep(10);
    }
  };
  const server: ServerProcess = {
    pid: child.pid,
    output: () => said,
    lines: () => said.split('\n'),
    says,
    async listens(patienceMs) {
      const [, ports = ''] = await says(/"ports":\[([\d,]+)\]/, patienceMs);
      return { ports: ports.split(',').map(Number), took: performance.now() - since };
    },
    kill(signal = 'SIGTERM') {
      since = performance.now();
      child.kill(signal);
    },
    ended,
  };
  running.add(server);
  void ended.then(() => running.delete(server));
  return server;
}

function spawnCommand(
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  cwd: string,
  onText: (text: string) => void,
): Hosted {
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env });
  const { pid } = child;
  if (pid === undefined) throw new Error('the server was not started');
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onText);
  return {
    pid,
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    }),
  };
}

/** The process id of the PostgreSQL server of a data directory. */
export async function postmasterOf(dataDir: string): Promise<number> {
  const content = await readFile(`${dataDir}/postgres/postmaster.pid`, 'utf8');
  return Number.parseInt(content, 10);
}

/** The process ids of a server and of everything that it forked. */
export async function familyOf(pid: number): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    names.map(async (name) => {
      const line = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      return { pid: Number(name), parent: Number(line.slice(line.lastIndexOf(')')).split(' ')[2]) };
    }),
  );
  return [pid, ...parents.filter(({ parent }) => parent === pid).map((child) => child.pid)];
}

/** The ids of the processes whose working directory is the cluster of a data directory. */
export async function processesIn(dataDir: string): Promise<number[]> {
  const { ino } = await stat(`${dataDir}/postgres`);
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const inside = await Promise.all(
    names.map((name) =>
      stat(`/proc/${name}/cwd`).then(
        (info) => info.ino === ino,
        () => false,
      ),
    ),
  );
  return names.filter((_, i) => inside[i]).map(Number);
}

/** Sends a signal to a server and to everything that it forked. */
export async function signalFamily(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const member of await familyOf(pid)) {
    try {
      process.kill(member, signal);
    } catch (error) {
      // Backends come and go.
      if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'ESRCH') throw error;
    }
  }
}

/** Milliseconds between two attempts: soon at first, and then more seldom, since each takes the time of others. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 100;

/** Tries until it works. */
export async function until<T>(
  attempt: () => Promise<T | null | false | undefined>,
  patienceMs = 100_000,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let last: unknown;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    try {
      const result = await attempt();
      if (result !== null && result !== undefined && result !== false) return result;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error('waited in vain', { cause: last });
    await sleep(pause);
  }
}
