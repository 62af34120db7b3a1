import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { rows } from './databases.js';
import { until } from './process.js';

const run = promisify(execFile);

/** `nobody`: PostgreSQL refuses to run as root. */
const UNPRIVILEGED = 65_534;

/** The user that PostgreSQL's programs run as; as this process where that is not root. */
const ACCOUNT =
  process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : { uid: undefined };

/** A PostgreSQL server of the system's programs, with all that they can do beside what the embedded one brings. */
export interface SystemPostgres {
  readonly url: string;
  /** Where its cluster is. */
  readonly data: string;
  /** Ends it at once, as a machine that is lost does. */
  lose(): Promise<void>;
  stop(): Promise<void>;
}

/** The programs of one version of PostgreSQL, and a directory for clusters. */
export class SystemPrograms {
  private readonly running = new Set<SystemPostgres>();

  private constructor(
    private readonly bin: string,
    readonly directory: string,
  ) {}

  /** @param bin the directory of the programs */
  static async in(bin: string): Promise<SystemPrograms> {
    const directory = await mkdtemp(join(tmpdir(), 'mandate-postgres-'));
    await give(directory);
    return new SystemPrograms(bin, directory);
  }

  /** Runs one of the programs to its end. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(join(this.bin, program), args, {
      ...ACCOUNT,
      cwd: this.directory,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    return stdout;
  }

  /** Makes a directory that the programs may write to. */
  async directoryFor(name: string): Promise<string> {
    const path = join(this.directory, name);
    await mkdir(path, { mode: 0o700 });
    await give(path);
    return path;
  }

  /** Makes a cluster. */
  async makeCluster(name: string): Promise<string> {
    const data = join(this.directory, name);
    await this.run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync');
    return data;
  }

  /** Starts a cluster on a free port. */
  async start(data: string, settings: Readonly<Record<string, string>> = {}) {
    const port = await freePort();
    const all = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      // Tests end processes, never the machine.
      fsync: 'off',
      ...settings,
    };
    const child = spawn(
      join(this.bin, 'postgres'),
      [
        '-D',
        data,
        '-p',
        String(port),
        ...Object.entries(all).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ],
      { ...ACCOUNT, cwd: this.directory, stdio: 'ignore', env: { LC_ALL: 'C', TZ: 'UTC' } },
    );
    const ended = once(child, 'exit');
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      this.running.delete(server);
      child.kill(signal);
      await ended;
    };
    const server: SystemPostgres = {
      url,
      data,
      lose: () => end('SIGQUIT'),
      stop: () => end('SIGINT'),
    };
    this.running.add(server);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`);
      const [state] = await rows<{ recovering: boolean }>(
        url,
        'SELECT pg_is_in_recovery() AS recovering',
      );
      return state?.recovering === false;
    });
    return server;
  }

  /** Ends the servers that run, and removes everything. */
  async remove(): Promise<void> {
    await Promise.all([...this.running].map((server) => server.lose()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function give(path: string): Promise<void> {
  if (ACCOUNT.uid !== undefined) await chown(path, ACCOUNT.uid, ACCOUNT.gid);
}
