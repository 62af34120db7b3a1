import { chmod, mkdir, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { clusterPassword, OWNER, prepareCluster } from './embedded-cluster.js';
import { EmbeddedUnusable } from './embedded-failure.js';
import { findPackage, hasCode, type Launcher, prepareLauncher } from './embedded-launch.js';
import { lockDirectory } from './embedded-lock.js';
import { endOrphan, Postmaster } from './embedded-postmaster.js';

export { DataDirectoryInUse } from './embedded-lock.js';

/** A PostgreSQL server that runs as a child of this process, for it alone. */
export interface EmbeddedServer {
  readonly url: string;
  /** Ends the server cleanly, by a fast shutdown; further calls wait for the first. */
  stop(): Promise<void>;
}

/** Options of {@link startEmbeddedPostgres}. */
export interface EmbeddedOptions {
  /** The folder of the cluster, its password and the lock. */
  dataDir: string;
  log: (message: string) => void;
  /** Further server settings, passed as `-c name=value`. */
  settings?: Record<string, string>;
}

/**
 * Starts PostgreSQL 18 on a data directory, which is made if it is absent, and restarts it when it ends
 * until it is stopped.
 *
 * @throws {DataDirectoryInUse} if another live process runs a server there
 * @throws {EmbeddedServerMissing} if it is not installed
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedServer> {
  if (process.platform === 'win32') {
    throw new EmbeddedUnusable(
      'The embedded PostgreSQL server does not run on Windows. Set DATABASE_URL.',
    );
  }
  // Before anything is made for it, where perhaps nothing can be.
  await findPackage();
  const dataDir = await makeDirectory(options.dataDir);
  const lock = await lockDirectory(dataDir);
  let server: SupervisedServer | null = null;
  try {
    const launcher = await prepareLauncher(dataDir);
    const password = await clusterPassword(dataDir);
    const cluster = await prepareCluster(dataDir, password, launcher, options.log);
    server = new SupervisedServer(cluster, launcher, options);
    const port = await server.start();
    const url = `postgres://${OWNER}:${password}@127.0.0.1:${port}/${OWNER}`;
    await createDatabase(url);
    return { url, stop: stopper(server, () => lock.release()) };
  } catch (error) {
    await server?.stop();
    lock.release();
    throw error;
  }
}

function stopper(server: SupervisedServer, release: () => void): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  return () => (stopped ??= server.stop().finally(release));
}

async function makeDirectory(path: string): Promise<string> {
  const absolute = resolve(path);
  // Only the last folder becomes private: the server's account must be able to pass its parents.
  await mkdir(dirname(absolute), { recursive: true });
  await mkdir(absolute, { mode: 0o700 }).then(
    () => chmod(absolute, 0o700),
    (error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    },
  );
  return realpath(absolute);
}

async function createDatabase(url: string): Promise<void> {
  const connectionString = Object.assign(new URL(url), { pathname: '/postgres' }).href;
  // Set here because PGSSLMODE in the environment would otherwise decide.
  const client = new Client({ connectionString, ssl: false });
  // The call that fails throws; an error event without a listener would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query('select 1 from pg_database where datname = $1', [OWNER]);
    if (found.rowCount === 0) await client.query(`create database ${OWNER}`);
  } finally {
    await client.end();
  }
}

/** A supervisor of one postmaster on one cluster: starts, watches, restarts and ends it. */
class SupervisedServer {
  private child: Postmaster | null = null;
  private watching: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  // Without this a sudden exit (an uncaught exception) would leave an orphan.
  private readonly onExit = (): void => this.child?.signal('SIGINT');

  constructor(
    private readonly cluster: string,
    private readonly launcher: Launcher,
    private readonly options: EmbeddedOptions,
  ) {}

  /** Resolves with the port when the server accepts connections; from then on it is kept running. */
  async start(): Promise<number> {
    process.once('exit', this.onExit);
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      try {
        const child = await this.launch(port);
        this.watching = this.watch(child, port);
        return port;
      } catch (error) {
        if (attempt === 20 || !PASSING.test(String(error))) throw error;
        await sleep(50 * attempt);
      }
    }
  }

  /** Ends the server, and waits until it has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.child?.end();
    await this.watching;
    process.removeListener('exit', this.onExit);
  }

  private async launch(port: number): Promise<Postmaster> {
    const { log, settings = {} } = this.options;
    const reusedPid = await endOrphan(this.cluster, log);
    this.stopping.signal.throwIfAborted();
    const child = new Postmaster(this.cluster, port, reusedPid, this.launcher, log, settings);
    this.child = child;
    await child.ready();
    return child;
  }

  /** Restarts the server when it ends: on the same port, because connection pools have the URL. */
  private async watch(first: Postmaster, port: number): Promise<void> {
    const { signal } = this.stopping;
    let child = first;
    let startedAt = performance.now();
    let pause = SHORTEST_PAUSE;
    for (;;) {
      await child.exited;
      if (signal.aborted) return;
      this.options.log(`PostgreSQL ended unexpectedly: ${child.describeEnd()}`);
      // A server that ends right after its start is restarted ever more slowly.
      if (performance.now() - startedAt > LONGEST_PAUSE) pause = SHORTEST_PAUSE;
      for (let isUp = false; !isUp;) {
        await sleep(pause, undefined, { ref: false, signal }).catch(() => undefined);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
        if (signal.aborted) return;
        try {
          child = await this.launch(port);
          startedAt = performance.now();
          isUp = true;
        } catch (error) {
          if (signal.aborted) return;
          this.options.log(`PostgreSQL did not restart: ${String(error)}`);
        }
      }
      this.options.log('PostgreSQL is running again');
    }
  }
}

const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 5_000;

// Errors of a start that pass by themselves: a port lost between choosing and binding it, backends that have
// yet to notice that their postmaster was killed, an orphan that was only starting when we looked.
const PASSING = /in use|could not bind|could not create any TCP|lock file .* already exists/;

function freePort(): Promise<number> {
  return new Promise((settle, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        settle(typeof address === 'object' && address !== null ? address.port : 0),
      );
    });
  });
}
