import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Replica } from '../../test/setup/harness.js';
import { ADMIN_TOKEN, KEY_ENCRYPTION_KEY, stopServer } from '../../test/setup/server-process.js';

/** How a server is started for a measurement. */
export interface MandateOptions {
  /** The built `main.js`. */
  readonly main: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options for Node.js, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

/**
 * Starts our server as operators do, and waits until it listens.
 *
 * It logs into a file, since to read a pipe would take time of the process that measures. What is changed of its
 * defaults are limits on how often one client or zone may ask, as all load comes from one, and that it is one process,
 * as what it is compared with is.
 */
export async function startMandate(databaseUrl: string, options: MandateOptions): Promise<Replica> {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-log-'));
  const log = join(folder, 'log');
  const out = openSync(log, 'a');
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.main], {
    stdio: ['ignore', out, out],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      KEY_ENCRYPTION_KEY,
      ADMIN_TOKEN,
      PORT: '0',
      WORKERS: '1',
      RATE_LIMIT_CLIENT: '9999999/9999999',
      RATE_LIMIT_ZONE: '9999999/9999999',
      ...options.env,
    },
  });
  closeSync(out);
  // A measurement that is broken off leaves nothing behind that runs.
  const end = (): void => void child.kill('SIGTERM');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const said = (): string => readFileSync(log, 'utf8');
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended:\n${said()}`);
    const ports = /"ports":\[([\d,]+)\]/.exec(said())?.[1]?.split(',').map(Number);
    const { pid } = child;
    if (ports !== undefined && pid !== undefined) {
      return {
        url: `http://127.0.0.1:${ports[0]}`,
        ports,
        pid,
        databaseUrl,
        adminToken: ADMIN_TOKEN,
        logs: () => said().split('\n'),
        stop: async (signal = 'SIGTERM') => {
          const code = await stopServer(child, signal);
          rmSync(folder, { recursive: true });
          return code;
        },
      };
    }
    await sleep(20);
  }
}
