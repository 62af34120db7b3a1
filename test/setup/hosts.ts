import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { SHORT_LIVED } from './node-flags.js';
import { lineReader, MAIN, portsIn, type ListeningServer } from './server-process.js';

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url));

/** After so many servers a host is ended: each leaves a little memory. */
const MOST_RUNS = 20;

/** How a server in a host ended, and what was left of it there, which ended the host as well. */
export interface Ending {
  readonly code: number | null;
  readonly left: readonly string[];
}

/** A process that has the modules in memory, and runs one server at a time (`host.mjs`). */
export interface Host {
  readonly child: ChildProcess;
  /** Begins a server; its end is that of the process, if the process ends first. */
  readonly run: (
    env: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
  ) => Promise<Ending>;
}

declare global {
  /** Hosts in which no server runs. They outlive the test file that started them, as packages do. */
  var idleHosts: Host[] | undefined;
}

/**
 * Starts the built server in a process that may have run others before, one at a time, and waits until it listens.
 *
 * It has that process for itself as long as it runs: its signals, its output, its memory, its end. What it costs is
 * an eighth of a process of its own, where most of a start is the loading of modules.
 *
 * @param env the whole environment
 * @param onLine is given everything that it writes to standard output and error
 * @param idle the hosts to take one from, and to give it back to
 */
export async function startHosted(
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  main: string = MAIN,
  idle: Host[] = (globalThis.idleHosts ??= []),
): Promise<ListeningServer> {
  const host = aliveOne(idle) ?? newHost(main);
  const { child } = host;
  const { pid } = child;
  if (pid === undefined) throw new Error('the host was not started');
  attach(child, true);
  const last: string[] = [];
  let listens: (ports: number[]) => void;
  const ports = new Promise<number[]>((resolve) => (listens = resolve));
  const ended = host.run(env, (line) => {
    onLine(line);
    last.push(line);
    if (last.length > 20) last.shift();
    const found = portsIn(line);
    if (found !== null) listens(found);
  });
  const over = ended.then(({ code, left }) => {
    if (left.length > 0 || child.exitCode !== null || child.signalCode !== null) return code;
    attach(child, false);
    idle.push(host);
    return code;
  });
  return {
    pid,
    ports: await Promise.race([
      ports,
      over.then((code): never => {
        throw new Error(`the server ended with ${code}:\n${last.join('\n')}`);
      }),
    ]),
    stop: (signal) => {
      child.kill(signal);
      return over;
    },
  };
}

function newHost(main: string): Host {
  const marker = `ended ${randomUUID()} `;
  const child = spawn(process.execPath, [...SHORT_LIVED, HOST, main, marker], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'] },
  });
  let runs = 0;
  let onLine: (line: string) => void = () => {};
  let onEnd: (ending: Ending) => void = () => {};
  let streamsOver = 0;
  let ending: Ending | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    const read = lineReader((line) => {
      if (!line.startsWith(marker)) {
        onLine(line);
        return;
      }
      const told = line.slice(marker.length);
      if (told !== '') ending = JSON.parse(told) as Ending;
      streamsOver += 1;
      if (streamsOver === 2 && ending !== undefined) onEnd(ending);
    });
    stream?.on('data', read);
  }
  child.once('exit', (code) => onEnd({ code, left: ['the process'] }));
  return {
    child,
    run(env, toLine) {
      onLine = toLine;
      streamsOver = 0;
      ending = undefined;
      runs += 1;
      const ended = new Promise<Ending>((resolve) => (onEnd = resolve));
      child.send({ env, last: runs === MOST_RUNS });
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
