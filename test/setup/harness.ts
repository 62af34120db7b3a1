import { readFileSync } from 'node:fs';
import { inject, onTestFinished } from 'vitest';
import { copyTemplate, makeDatabase } from './databases.js';
import { readByNode, startHosted } from './hosts.js';
import { ADMIN_TOKEN, environment, startServer } from './server-process.js';
import type { Loan, SharedReplica } from './shared-replicas.js';

export { ADMIN_TOKEN, KEY_ENCRYPTION_KEY } from './server-process.js';
export { auditOf, rows, withClient, type AuditRow } from './databases.js';

/** A running server process. */
export interface Replica {
  /** Where its public port is. */
  readonly url: string;
  /** The public port, and the internal one if there is one. */
  readonly ports: readonly number[];
  readonly pid: number;
  readonly databaseUrl: string;
  readonly adminToken: string;
  /** Everything that it has written to standard output and error so far, by line. */
  logs(): string[];
  /** Sends a signal, SIGTERM by default, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** What may differ from the defaults of {@link startReplica}. */
export interface ReplicaOptions {
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The `main.js` of another version (`versions.ts`). */
  readonly main?: string;
}

/** Makes a database with all tables, and nothing in them, on the test server and returns its URL. */
export function createDatabase(): Promise<string> {
  return copyTemplate({
    serverUrl: inject('serverUrl'),
    copyOptions: inject('copyOptions'),
    nodeUrls: inject('nodeUrls'),
  });
}

/** Makes a database without any table on the test server and returns its URL. */
export function createEmptyDatabase(): Promise<string> {
  return makeDatabase(inject('serverUrl'));
}

/**
 * Starts the built server and waits until it listens. Its process runs nothing else at that time, but may have run other
 * servers before, and may run others after it.
 */
export async function startReplica(options: ReplicaOptions = {}): Promise<Replica> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase());
  const lines: string[] = [];
  const env = { DATABASE_URL: databaseUrl, ...options.env };
  const onLine = (line: string) => void lines.push(line);
  const { pid, ports, stop } = readByNode(env)
    ? await startServer(env, onLine, options.main)
    : await startHosted(environment(env), onLine, options.main);
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    ports,
    pid,
    databaseUrl,
    adminToken: options.env?.['ADMIN_TOKEN'] ?? ADMIN_TOKEN,
    logs: () => [...lines],
    stop: (signal = 'SIGTERM') => stop(signal),
  };
}

/**
 * A replica that other test files use at the same time: for tests that look at nothing but zones of their
 * own. The second one is another replica on the same database. Neither is stopped before the whole run is over.
 */
export async function sharedReplica(which: 'first' | 'second' = 'first'): Promise<Replica> {
  const replica = await ask<SharedReplica>(`shared/${which}`);
  return given(replica, () => Promise.resolve(null));
}

/**
 * A replica that this test file has for itself until it stops it, which gives it back: for tests that count or
 * read metrics, but need no process of their own. Other files used it before, and will again, so what is looked
 * at is what has changed; no tables are left locked or altered.
 */
export async function borrowReplica(): Promise<Replica> {
  const [replica] = await borrow(1);
  if (replica === undefined) throw new Error('nothing was lent');
  return replica;
}

/** Two replicas on one database, otherwise as {@link borrowReplica}. They are given back when both are stopped. */
export async function borrowReplicas(): Promise<[Replica, Replica]> {
  const [one, other] = await borrow(2);
  if (one === undefined || other === undefined) throw new Error('nothing was lent');
  return [one, other];
}

async function borrow(count: number): Promise<Replica[]> {
  const { id, replicas } = await ask<Loan>(`borrow/${count}`);
  let inUse = count;
  return replicas.map((replica) =>
    given(replica, async () => {
      inUse -= 1;
      if (inUse === 0) await ask(`return/${id}`);
      return null;
    }),
  );
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${inject('replicasUrl')}/${path}`);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as T;
}

/** A replica that runs on after it was stopped by this file. */
function given(
  { ports, pid, databaseUrl, log, logged }: SharedReplica,
  done: () => Promise<null>,
): Replica {
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    ports,
    pid,
    databaseUrl,
    adminToken: ADMIN_TOKEN,
    logs: () => readFileSync(log).subarray(logged).toString().split('\n'),
    stop: (signal = 'SIGTERM') => {
      if (signal !== 'SIGTERM') throw new Error('it was not started by this file');
      return done();
    },
  };
}

/** Like {@link startReplica}, stopped when the current test ends. */
export async function startReplicaForTest(options: ReplicaOptions = {}): Promise<Replica> {
  const replica = await startReplica(options);
  onTestFinished(async () => {
    await replica.stop();
  });
  return replica;
}
