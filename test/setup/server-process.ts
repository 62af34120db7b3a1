import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SHORT_LIVED } from './node-flags.js';

/** The server that is built here. */
export const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export const ADMIN_TOKEN = 'test-admin-token-0123456789';

/** The key-encryption key of every test database: random enough for the check, the same for all replicas. */
export const KEY_ENCRYPTION_KEY = createHash('sha256').update('mandate tests').digest('hex');

/** The limits of test servers: tests of what happens at a limit set their own. */
export const PATIENT_LIMITS = {
  DATABASE_TIMEOUT_MS: '3000',
  REQUEST_TIMEOUT_MS: '10000',
  MAX_REQUESTS_IN_FLIGHT: '100000',
};

/** A server process that listens. */
export interface ListeningServer {
  readonly pid: number;
  /** The public port, and the internal one if there is one. */
  readonly ports: readonly number[];
  /** Sends a signal, and waits for the end. */
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** The environment of every test server, and what one has beside it. */
export function environment(env: Readonly<Record<string, string>>): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    PORT: '0',
    DRAIN_SECONDS: '0',
    WORKERS: '1',
    // All tests come from one address.
    AUDIT_UNAUTHENTICATED: '1000000/1000000/1000000',
    // What is asked of a server on a busy machine is answered, if late.
    ...PATIENT_LIMITS,
    ...env,
  };
}

/**
 * Starts the built server as a process of its own and waits until it listens.
 *
 * @param env beside what every test server has
 * @param onLine is given everything that it writes to standard output and error
 * @param main the `main.js` of another version (`versions.ts`)
 */
export async function startServer(
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  main: string = MAIN,
): Promise<ListeningServer> {
  const child = spawn(process.execPath, [...SHORT_LIVED, main], {
    // Not where a developer may have a `.env`.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(env),
  });
  const ports = await listening(child, onLine);
  const { pid } = child;
  if (pid === undefined) throw new Error('the server has no process id');
  return { pid, ports, stop: (signal) => stopServer(child, signal) };
}

/** Sends a signal and waits for the end of the process. */
export function stopServer(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });
}

function listening(child: ChildProcess, onLine: (line: string) => void): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const last: string[] = [];
    const read = (line: string): void => {
      onLine(line);
      last.push(line);
      if (last.length > 20) last.shift();
      const ports = portsIn(line);
      if (ports !== null) resolve(ports);
    };
    // Each stream by itself: what comes of one may end in the middle of a line.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', lineReader(read));
    }
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`the server ended with ${code}:\n${last.join('\n')}`));
    });
  });
}

/** Reads a stream by lines. */
export function lineReader(onLine: (line: string) => void): (chunk: Buffer | string) => void {
  let rest = '';
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) onLine(line);
  };
}

/** The ports in the line that says that a server listens. */
export function portsIn(line: string): number[] | null {
  // Of other lines not all that begin like JSON are some.
  if (!/^\{.*"ports":\[.*\}$/.test(line)) return null;
  const entry: unknown = JSON.parse(line);
  if (typeof entry !== 'object' || entry === null || !('ports' in entry)) return null;
  return Array.isArray(entry.ports) ? entry.ports.map(Number) : null;
}
