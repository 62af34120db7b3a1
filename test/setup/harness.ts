import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

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

export const ADMIN_TOKEN = 'test-admin-token-0123456789';

/** The key-encryption key of every test database: random enough for the check, the same for all replicas. */
export const KEY_ENCRYPTION_KEY = createHash('sha256').update('mandate tests').digest('hex');

/** Makes an empty database on the test server and returns its URL. */
export async function createDatabase(): Promise<string> {
  const server = new URL(inject('serverUrl'));
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(server.href, (client) => client.query(`CREATE DATABASE ${name}`));
  server.pathname = `/${name}`;
  return server.href;
}

/** Starts the built server as a process of its own and waits until it listens. */
export async function startReplica(options: ReplicaOptions = {}): Promise<Replica> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase());
  const child = spawn(process.execPath, [options.main ?? MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      KEY_ENCRYPTION_KEY,
      ADMIN_TOKEN,
      PORT: '0',
      DRAIN_SECONDS: '0',
      ...options.env,
    },
  });
  const lines: string[] = [];
  const ports = await listening(child, lines);
  const { pid } = child;
  if (pid === undefined) throw new Error('the server has no process id');
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    ports,
    pid,
    databaseUrl,
    adminToken: options.env?.['ADMIN_TOKEN'] ?? ADMIN_TOKEN,
    logs: () => [...lines],
    stop: (signal = 'SIGTERM') => stop(child, signal),
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

/** Runs queries on a connection of their own. */
export async function withClient<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The rows of one query. */
export function rows<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  return withClient(url, async (client) => (await client.query<T>(text, values)).rows);
}

/** An audit event, as far as tests look at it. */
export interface AuditRow {
  readonly zone_id: string;
  readonly outcome: string;
  readonly client_id: string | null;
  readonly jti: string | null;
  readonly event: Record<string, unknown> & { error?: string; reason?: string };
}

/** The audit events of one request. */
export function auditOf(url: string, requestId: string): Promise<AuditRow[]> {
  return rows<AuditRow>(
    url,
    'SELECT zone_id, outcome, client_id, jti, event FROM audit_events WHERE request_id = $1 ORDER BY id',
    [requestId],
  );
}

function listening(child: ChildProcess, lines: string[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const onData = lineReader((line) => {
      lines.push(line);
      const ports = portsIn(line);
      if (ports !== null) resolve(ports);
    });
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`the server ended with ${code}:\n${lines.slice(-20).join('\n')}`));
    });
  });
}

function lineReader(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) onLine(line);
  };
}

function portsIn(line: string): number[] | null {
  if (!line.startsWith('{')) return null;
  const entry: unknown = JSON.parse(line);
  if (typeof entry !== 'object' || entry === null || !('ports' in entry)) return null;
  return Array.isArray(entry.ports) ? entry.ports.map(Number) : null;
}

function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });
}
