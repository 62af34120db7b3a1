import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  startEmbeddedPostgres,
  type EmbeddedServer,
} from '../../src/platform/database/embedded-postgres.js';
import {
  createDatabase,
  rows,
  sharedReplica,
  startReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';

const METRICS_TOKEN = 'test-metrics-token-0123456789';
/** Far more questions than there are checks, jobs and figures that ask for a connection. */
const AT_ONCE = 100;
const CHECKS = [
  'clock',
  'database',
  'key_encryption_key',
  'ledger',
  'migrations',
  'policy',
  'shutdown',
  'signing_keys',
  'start',
];

interface ReadyBody {
  readonly status: string;
  readonly error: Readonly<Record<string, { readonly status: string; readonly message: string }>>;
  readonly details: Readonly<Record<string, { readonly status: string }>>;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string | number>> }[];
}

interface Ready {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadyBody;
}

async function ready(url: string): Promise<Ready> {
  const response = await fetch(`${url}/ready`);
  const body: ReadyBody = JSON.parse(await response.text());
  return {
    status: response.status,
    headers: response.headers,
    body,
  };
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe('a server with all that it needs', () => {
  let replica: Replica;

  beforeAll(async () => {
    replica = await startReplica({ env: { METRICS_TOKEN } });
  });

  afterAll(async () => {
    await replica?.stop();
  });

  async function metrics(): Promise<Metric[]> {
    const response = await fetch(`${replica.url}/metrics.json`, bearer(METRICS_TOKEN));
    expect(response.status).toBe(200);
    const figures: Metric[] = JSON.parse(await response.text());
    return figures;
  }

  test('is alive', async () => {
    const response = await fetch(`${replica.url}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect(response.headers.get('x-powered-by')).toBeNull();
  });

  test('is ready', async () => {
    const { status, body, headers } = await ready(replica.url);
    expect(status).toBe(200);
    expect(body.status).toBe('ok');
    expect(Object.keys(body.details).toSorted()).toEqual(CHECKS);
    expect(headers.get('cache-control')).toContain('no-store');
  });

  test.each(['/metrics', '/metrics.json'])('asks for the metrics token at %s', async (path) => {
    const asked = 'Bearer realm="mandate metrics"';
    const refused = `${asked}, error="invalid_token"`;
    const attempts: [RequestInit, string][] = [
      [{}, asked],
      [bearer('wrong'), refused],
      [bearer(`${METRICS_TOKEN}x`), refused],
      [bearer(replica.adminToken), refused],
      [{ headers: { authorization: `Basic ${METRICS_TOKEN}` } }, asked],
    ];
    for (const [init, challenge] of attempts) {
      const response = await fetch(`${replica.url}${path}`, init);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(challenge);
      expect(await response.json()).toMatchObject({ error: 'invalid_token' });
    }
    const response = await fetch(`${replica.url}${path}`, bearer(METRICS_TOKEN));
    expect(response.status).toBe(200);
  });

  test('has the same figures in both formats', async () => {
    const response = await fetch(`${replica.url}/metrics`, bearer(METRICS_TOKEN));
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; *version=0\.0\.4/);
    const text = await response.text();
    const inText = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect((await metrics()).map(({ name, type }) => [name, type])).toEqual(inText);
    expect(inText).toEqual(
      expect.arrayContaining([
        ['process_cpu_seconds_total', 'counter'],
        ['nodejs_eventloop_lag_p99_seconds', 'gauge'],
        ['mandate_build_info', 'gauge'],
        ['mandate_database_pool_connections', 'gauge'],
        ['mandate_exchanges_total', 'counter'],
        ['mandate_exchange_stage_seconds', 'histogram'],
        ['mandate_ledger_commit_seconds', 'histogram'],
        ['mandate_snapshot_loads_total', 'counter'],
        ['mandate_http_request_seconds', 'histogram'],
      ]),
    );
    expect(text).toMatch(/^mandate_build_info\{version="\d+\.\d+\.\d+",node="v[\d.]+"\} 1$/m);
    expect(text).toMatch(/^mandate_database_pool_connections\{state="total"\} [1-9]/m);
  });

  test('has no label that callers could make up', async () => {
    const marks = Array.from({ length: 50 }, () => randomUUID());
    const shapes = [
      (mark: string) => `/${mark}`,
      (mark: string) => `/health?${mark}`,
      (mark: string) => `/.well-known/jwks.json?zone_id=${mark}`,
      (mark: string) => `/internal/zones/${mark}`,
      (mark: string) => `/docs/${mark}`,
    ];
    // The kinds of requests are known before they are repeated with other paths.
    const send = async (mark: string, i: number) => {
      const path = shapes[i % shapes.length]?.(mark) ?? '/';
      const method = i % 10 < 5 ? 'GET' : 'PROPFIND';
      await (await fetch(`${replica.url}${path}`, { method })).arrayBuffer();
    };
    const seriesOf = async (): Promise<string[]> => {
      const ours = (await metrics()).filter(({ name }) => name.startsWith('mandate_'));
      return ours.flatMap(({ name, values }) =>
        values.map(({ labels }) => `${name}${JSON.stringify(labels)}`),
      );
    };
    await metrics();
    for (const [i, mark] of marks.slice(0, 10).entries()) await send(mark, i);
    const before = await seriesOf();
    for (const [i, mark] of marks.slice(10).entries()) await send(mark, i);
    const after = await seriesOf();
    expect(after.toSorted()).toEqual(before.toSorted());
    expect(marks.filter((mark) => after.some((series) => series.includes(mark)))).toEqual([]);
    expect(after.some((series) => series.includes('PROPFIND'))).toBe(false);
    expect(after).toContainEqual(expect.stringContaining('"method":"other","route":"none"'));
  });
});

test('serves metrics to everyone without a metrics token', async () => {
  const replica = await sharedReplica();
  for (const path of ['/metrics', '/metrics.json']) {
    expect((await fetch(`${replica.url}${path}`)).status).toBe(200);
  }
});

test('is alive and not ready while stopping', async () => {
  const replica = await startReplicaForTest({ env: { DRAIN_SECONDS: '60' } });
  expect((await ready(replica.url)).status).toBe(200);
  process.kill(replica.pid, 'SIGTERM');
  await expect.poll(async () => (await ready(replica.url)).status).toBe(503);
  const { body } = await ready(replica.url);
  expect(body.error).toEqual({ shutdown: expect.objectContaining({ message: 'stopping' }) });
  expect((await fetch(`${replica.url}/health`)).status).toBe(200);
});

test('is not ready with a key-encryption key that the database no longer knows, nor without a migration', async () => {
  const databaseUrl = await createDatabase();
  const replica = await startReplicaForTest({ databaseUrl });
  const checkValues = () =>
    rows<{ check_value: Buffer }>(databaseUrl, 'SELECT check_value FROM key_encryption_keys');
  const setCheckValue = (value: Buffer | undefined) =>
    rows(databaseUrl, 'UPDATE key_encryption_keys SET check_value = $1', [value]);
  const [right] = await checkValues();
  await setCheckValue(Buffer.from([0]));
  await expect
    .poll(async () => Object.keys((await ready(replica.url)).body.error))
    .toEqual(['key_encryption_key']);
  // A check that decided anything would have mended or replaced the row.
  expect(await checkValues()).toEqual([{ check_value: Buffer.from([0]) }]);
  await setCheckValue(right?.check_value);
  await expect.poll(async () => (await ready(replica.url)).status).toBe(200);

  await rows(databaseUrl, `DELETE FROM schema_migrations WHERE name LIKE 'Ledger1%'`);
  await expect
    .poll(async () => (await ready(replica.url)).body.error)
    .toEqual({
      migrations: expect.objectContaining({
        message: expect.stringMatching(/^pending: Ledger\d+$/),
      }),
    });
});

describe('on a database that is paused', () => {
  let dataDir: string;
  let server: EmbeddedServer;
  let replica: Replica;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'mandate-health-'));
    server = await startEmbeddedPostgres({ dataDir, log: () => {} });
    replica = await startReplica({ databaseUrl: server.url });
  });

  afterAll(async () => {
    await replica?.stop();
    await server?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Signals the server and every process of it: itself first when it is stopped, so that none is added meanwhile. */
  async function signalDatabase(signal: NodeJS.Signals): Promise<void> {
    const [path] = await findPidFile(dataDir);
    const postmaster = Number((await readFile(path ?? '', 'utf8')).split('\n')[0]);
    process.kill(postmaster, signal);
    const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    const children = all.filter(([, parent]) => parent === postmaster).map(([pid]) => Number(pid));
    for (const pid of children) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // One that has ended since, as those do that clean up.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    }
  }

  /** How many lines there were when its database was stopped. */
  let before = 0;

  test('is not ready and says so without it, however often it is asked, and recovers', async () => {
    await expect.poll(async () => (await ready(replica.url)).status).toBe(200);
    before = replica.logs().length;
    await signalDatabase('SIGSTOP');
    try {
      await expect
        .poll(async () => Object.keys((await ready(replica.url)).body.error))
        .toEqual(expect.arrayContaining(['database', 'ledger']));
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, () => ready(replica.url)),
        );
        for (const { status, body, headers } of answers) {
          expect(status).toBe(503);
          expect(headers.get('retry-after')).toBe('1');
          expect(body.status).toBe('error');
          expect(Object.keys(body.error)).toEqual(expect.arrayContaining(['database', 'ledger']));
          expect(body.details['shutdown']).toMatchObject({ status: 'up' });
        }
        // Who reads this may be anyone.
        const said = JSON.stringify(answers.map(({ body }) => body));
        expect(said).not.toMatch(/127\.0\.0\.1|localhost|postgres|ECONN|\d{5}/i);
        expect((await fetch(`${replica.url}/health`)).status).toBe(200);
        expect((await fetch(`${replica.url}/metrics`)).status).toBe(200);
      }
      // Each check, each job and each figure asks for one connection at a time, whatever the number of requests. What
      // has given up is counted until the pool has done so as well, so the longer this takes, the more they are.
      const text = await (await fetch(`${replica.url}/metrics`)).text();
      const waiting = /^mandate_database_pool_connections\{state="waiting"\} (\d+)$/m.exec(
        text,
      )?.[1];
      expect(Number(waiting)).toBeLessThan(AT_ONCE);
    } finally {
      await signalDatabase('SIGCONT');
    }
    await expect.poll(async () => (await ready(replica.url)).status).toBe(200);
  });

  test('logs that a check fails, and that it passes again, once each', async () => {
    const said = () =>
      replica
        .logs()
        .slice(before)
        .filter((line) => line.includes('"check":"database"'))
        .map((line) => String(Reflect.get(Object(JSON.parse(line)), 'msg')));
    // On a busy machine one may fail again, later.
    await expect.poll(() => said().slice(0, 2)).toEqual(['a check fails', 'a check passes again']);
  });
});

async function findPidFile(dataDir: string): Promise<string[]> {
  const found = execFileSync('find', [dataDir, '-name', 'postmaster.pid'], { encoding: 'utf8' });
  return found.trim().split('\n');
}
