import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SHORT_LIVED } from './node-flags.js';
import { lineReader, MAIN, portsIn, type ListeningServer } from './server-process.js';

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url));

/** After so many programs a host is ended: each leaves some megabytes. */
const MOST_RUNS = 60;

/** What a host runs, as `node <main> <args>` in a directory would. */
export interface Program {
  /** A module that is built here; two builds cannot share a host. It ends by `process.exit`, after which it does nothing. */
  readonly main: string;
  readonly args?: readonly string[];
  /** The whole environment, without what Node reads when it starts ({@link readByNode}). */
  readonly env: Readonly<Record<string, string>>;
  /** The working directory; one in which there is no `.env` if absent. */
  readonly directory?: string;
}

/** How a program in a host ended, and what was left of it there, which ended the host as well. */
interface Ending {
  readonly code: number | null;
  readonly left: readonly string[];
}

type Stream = 'stdout' | 'stderr';

/** A process that has the modules in memory, and runs one program at a time (`host.mjs`). */
export interface Host {
  readonly child: ChildProcess;
  /** The end of the process, when all that it wrote has come. */
  readonly closed: Promise<unknown>;
  /** Begins a program; its end is that of the process, if the process ends first. */
  readonly run: (
    program: Program,
    onText: (text: string, stream: Stream) => void,
  ) => Promise<Ending>;
}

/** A program that runs in a host. */
export interface Hosted {
  readonly pid: number;
  /** Sends a signal, unless it is over. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Its end, when all that it wrote has come. A signal that it did not listen to ended the process. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

declare global {
  /**
   * Hosts in which nothing runs, by the folder of the build that they have in memory. They outlive the test file that
   * started them, as packages do.
   */
  var idleHosts: Map<string, Host[]> | undefined;
}

/** The hosts of the build that a module is of in which nothing runs. */
function idleOnes(main: string): Host[] {
  const all = (globalThis.idleHosts ??= new Map<string, Host[]>());
  const folder = dirname(main);
  const found = all.get(folder) ?? [];
  all.set(folder, found);
  return found;
}

/** Ends the hosts of a build, of which nothing runs any more. */
export async function endHosts(main: string): Promise<void> {
  const idle = idleOnes(main);
  globalThis.idleHosts?.delete(dirname(main));
  for (const { child } of idle) child.kill('SIGKILL');
  await Promise.all(idle.map(({ closed }) => closed));
}

/** Whether Node itself, or a package when it is loaded, reads something of an environment: that needs a process of its own. */
export function readByNode(env: Readonly<Record<string, string>>): boolean {
  return Object.keys(env).some((key) => /^(NODE|UV|SSL|OTEL)_/.test(key));
}

/**
 * Runs a program in a process that may have run others before, one at a time.
 *
 * It has that process for itself as long as it runs: its signals, its output, its memory, its end. What it costs is
 * an eighth of a process of its own, where most of a start is the loading of modules.
 *
 * @param onText is given what it writes to standard output and error
 * @param idle the hosts to take one from, and to give it back to
 */
export function runHosted(
  program: Program,
  onText: (text: string, stream: Stream) => void,
  idle: Host[] = idleOnes(program.main),
): Hosted {
  const host = aliveOne(idle) ?? newHost();
  const { child } = host;
  const { pid } = child;
  if (pid === undefined) throw new Error('the host was not started');
  attach(child, true);
  let over = false;
  const ended = host.run(program, onText).then(async ({ code, left }) => {
    over = true;
    if (left.length > 0 || child.exitCode !== null || child.signalCode !== null) {
      // What is left there, such as a lock, is so until then.
      await host.closed;
      return { code, signal: child.signalCode };
    }
    attach(child, false);
    idle.push(host);
    return { code, signal: null };
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (!over) child.kill(signal);
  };
  return { pid, kill, ended };
}

/**
 * Starts the built server by {@link runHosted}, and waits until it listens.
 *
 * @param env the whole environment
 * @param onLine is given everything that it writes to standard output and error
 */
export async function startHosted(
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  main: string = MAIN,
  idle?: Host[],
): Promise<ListeningServer> {
  const last: string[] = [];
  let listens: (ports: number[]) => void;
  const ports = new Promise<number[]>((resolve) => (listens = resolve));
  const reader = () =>
    lineReader((line) => {
      onLine(line);
      last.push(line);
      if (last.length > 20) last.shift();
      const found = portsIn(line);
      if (found !== null) listens(found);
    });
  const readers = { stdout: reader(), stderr: reader() };
  const { pid, kill, ended } = runHosted(
    { main, env },
    (text, stream) => readers[stream](text),
    idle,
  );
  const over = ended.then(({ code }) => code);
  return {
    pid,
    ports: await Promise.race([
      ports,
      over.then((code): never => {
        throw new Error(`the server ended with ${code}:\n${last.join('\n')}`);
      }),
    ]),
    stop: (signal) => {
      kill(signal);
      return over;
    },
  };
}

function newHost(): Host {
  // What no program writes, in the middle of a line or at its beginning.
  const marker = `\u001Eended ${randomUUID()} `;
  const child = spawn(process.execPath, [...SHORT_LIVED, HOST, marker], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'] },
  });
  let runs = 0;
  let onText: (text: string, stream: Stream) => void = () => {};
  let onEnd: (ending: Ending) => void = () => {};
  let streamsOver = 0;
  let ending: Ending | undefined;
  for (const stream of ['stdout', 'stderr'] as const) {
    // From a record separator on it may be the marker, which ends with its line.
    let held = '';
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      const text = held + chunk;
      const at = text.indexOf('\u001E');
      held = at === -1 ? '' : text.slice(at);
      if (at !== 0) onText(at === -1 ? text : text.slice(0, at), stream);
      if (!held.endsWith('\n')) return;
      const told = held.slice(marker.length).trim();
      held = '';
      if (told !== '') ending = JSON.parse(told) as Ending;
      streamsOver += 1;
      if (streamsOver === 2 && ending !== undefined) onEnd(ending);
    });
  }
  const closed = once(child, 'close');
  void closed.then(([code]) => onEnd({ code: code as number | null, left: ['the process'] }));
  return {
    child,
    closed,
    run({ main, args = [], env, directory = tmpdir() }, toText) {
      onText = toText;
      streamsOver = 0;
      ending = undefined;
      runs += 1;
      const ended = new Promise<Ending>((resolve) => (onEnd = resolve));
      child.send({ main, args, env, directory, last: runs === MOST_RUNS });
      return ended;
    },
  };
}

/** Takes a host out of the idle ones. One may have ended since it was put there. */
function aliveOne(idle: Host[]): Host | undefined {
  for (;;) {
    const host = idle.pop();
    if (host === undefined || host.child.connected) return host;
  }
}

/** Whether the process of the tests goes on as long as a host does. */
function attach(child: ChildProcess, attached: boolean): void {
  const pipes = [child.stdout, child.stderr, child.channel] as {
    ref?: () => void;
    unref?: () => void;
  }[];
  for (const one of [child, ...pipes]) {
    if (attached) one.ref?.();
    else one.unref?.();
  }
}
