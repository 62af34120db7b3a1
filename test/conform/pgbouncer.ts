import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../setup/free-port.js';
import { withClient } from '../setup/databases.js';
import { until } from '../setup/process.js';
import { PGBOUNCER } from './tools.js';

/** A PgBouncer in front of a server of PostgreSQL. */
export interface Bouncer {
  /** The URL of a database of that server, through it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

/** Starts PgBouncer with its own defaults but for what is said here. */
export async function startBouncer(
  serverUrl: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<Bouncer> {
  const server = new URL(serverUrl);
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mandate-pgbouncer-'));
  await chmod(folder, 0o755);
  const users = join(folder, 'users.txt');
  const file = join(folder, 'pgbouncer.ini');
  const user = decodeURIComponent(server.username);
  await writeFile(users, `"${user}" "${decodeURIComponent(server.password)}"\n`);
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    auth_type: 'scram-sha-256',
    auth_file: users,
    unix_socket_dir: '',
    default_pool_size: 60,
    ...settings,
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} = ${value}`);
  await writeFile(
    file,
    ['[databases]', `* = host=127.0.0.1 port=${server.port}`, '[pgbouncer]', ...lines, ''].join(
      '\n',
    ),
  );
  // It refuses to be root.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(PGBOUNCER.path ?? '', [file], { stdio: 'ignore', ...nobody });
  const through = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    return url.href;
  };
  await until(() => withClient(through(serverUrl), () => Promise.resolve(true)), 20_000);
  return {
    through,
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true });
    },
  };
}

/** Ends it at once, with all its connections. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
