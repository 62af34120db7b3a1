import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  startEmbeddedPostgres,
  type EmbeddedServer,
} from '../../src/platform/database/embedded-postgres.js';
import { verifyChains } from '../setup/chain.js';
import {
  ADMIN_TOKEN,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import {
  killProcesses,
  postmasterOf,
  signalFamily,
  startProcess,
  until,
} from '../setup/process.js';
import { persistently } from '../setup/patience.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const MAX_CONNECTIONS = 25;
let dataDir: string;
let server: EmbeddedServer | undefined;
let proxy: Proxy;
let databaseUrl: string;
let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mandate-outage-'));
  proxy = await startProxy();
  databaseUrl = proxy.urlFor(await startDatabase());
  replica = await startReplica({ databaseUrl });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await killProcesses();
  await replica?.stop();
  await server?.stop();
  await proxy?.close();
  await rm(dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  await expectService();
});

async function startDatabase(): Promise<string> {
  server = await startEmbeddedPostgres({
    dataDir,
    log: () => {},
    settings: { max_connections: String(MAX_CONNECTIONS) },
  });
  proxy.forwardTo(server.url);
  return server.url;
}

async function stopDatabase(): Promise<void> {
  proxy.forwardTo(null);
  await server?.stop();
  server = undefined;
}

interface Reply {
  readonly what: string;
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
}

async function reply(what: string, url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(60_000) });
  const body = await response.text();
  return {
    what,
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body,
  };
}

const form = (parameters: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(parameters),
});

const admin = (method: string, body?: unknown): RequestInit => ({
  method,
  headers: {
    authorization: `Bearer ${ADMIN_TOKEN}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

/** One request of every kind that needs the database. */
function everyKind(): Promise<Reply[]> {
  const credentials = {
    grant_type: 'client_credentials',
    client_id: zone.clientId,
    client_secret: zone.secret,
    resource: zone.resource,
  };
  const token = `${replica.url}/oauth/2/token`;
  const internal = `${replica.url}/internal/zones`;
  return Promise.all([
    reply('token', token, form(credentials)),
    reply('wrong secret', token, form({ ...credentials, client_secret: 'wrong-secret' })),
    reply('unknown client', token, form({ ...credentials, client_id: crypto.randomUUID() })),
    reply('malformed', token, form({ grant_type: 'nonsense' })),
    reply('admin list', internal, admin('GET')),
    reply('admin create', internal, admin('POST', { name: `zone ${crypto.randomUUID()}` })),
    reply('admin policy', `${internal}/${zone.zoneId}/policy`, admin('GET')),
    reply('unknown key set', keySetUrl(crypto.randomUUID())),
  ]);
}

function keySetUrl(zoneId: string): string {
  return `${replica.url}/.well-known/jwks.json?zone_id=${zoneId}`;
}

/** What was answered while the database was away: that it was answered then is what "in time" means here. */
function expectRefusals(answers: readonly Reply[]): void {
  const wrong = answers.filter(
    ({ status, retryAfter }) => status !== 503 || !/^\d+$/.test(retryAfter ?? ''),
  );
  expect(wrong).toEqual([]);
  for (const { body } of answers) {
    expect(JSON.parse(body)).toMatchObject({ error: 'temporarily_unavailable' });
  }
}

/** What goes on while the database is away. */
async function expectToHoldOut(): Promise<void> {
  await until(async () => (await fetch(`${replica.url}/ready`)).status === 503);
  for (let round = 0; round < 2; round += 1) {
    expectRefusals(await everyKind());
    expect(await reply('key set', keySetUrl(zone.zoneId))).toMatchObject({ status: 200 });
    expect(await reply('health', `${replica.url}/health`)).toMatchObject({ status: 200 });
  }
  const many = await Promise.all(Array.from({ length: 6 }, () => everyKind()));
  expectRefusals(many.flat());
}

/** Mandates are issued, and it is said that they are. */
async function expectService(): Promise<void> {
  await until(async () => (await fetch(`${replica.url}/ready`)).status === 200);
  await until(async () => (await zone.session()).status === 200);
}

/** Everything works again, without anybody's help and for every connection. */
async function expectRecovery(): Promise<void> {
  await expectService();
  // More at once than there are connections in the pool, reads and writes mixed.
  const notNow: string[] = [];
  const asked = <T extends { readonly status: number; readonly requestId: string }>(
    ask: () => Promise<T>,
  ) =>
    persistently(async () => {
      const answer = await ask();
      if (answer.status === 503) notNow.push(answer.requestId);
      return answer;
    });
  const answers = await Promise.all([
    ...Array.from({ length: 50 }, () => asked(() => zone.session())),
    ...Array.from({ length: 20 }, () =>
      asked(() => callAdmin(replica, 'POST', '/zones', { name: `zone ${crypto.randomUUID()}` })),
    ),
  ]);
  // A busy machine may be too slow for an answer, but no connection is left in a broken state.
  const broken = /Connection terminated|ECONN|current transaction is aborted|already a transaction/;
  expect(notNow.flatMap(logged).filter((line) => broken.test(line))).toEqual([]);
  const failed = answers.flatMap(({ status, requestId }) =>
    status >= 300 ? logged(requestId) : [],
  );
  expect(failed).toEqual([]);
}

function logged(requestId: string): string[] {
  return replica.logs().filter((line) => line.includes(requestId));
}

/** What a pool takes for a connection that nobody needs any more, in seconds. */
const POOL_KEEPS_SECONDS = 10;

/** The connections that all requests share: since when each is as it is, and when that was asked, in seconds. */
async function poolSeenBy(client: pg.Client) {
  const { rows: found } = await client.query<{ pid: number; since: number; asked: number }>(
    `SELECT pid, extract(epoch FROM state_change)::float8 AS since,
            extract(epoch FROM clock_timestamp())::float8 AS asked
       FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = '' AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'`,
  );
  return found;
}

test('keeps its connections as long as nothing happens to them', async () => {
  const zones = `${replica.url}/internal/zones`;
  let seen = 0;
  await withClient(databaseUrl, async (client) => {
    for (let i = 0; i < 10; i += 1) {
      const before = await poolSeenBy(client);
      const name = `zone ${i}`;
      expect((await reply('made', zones, admin('POST', { name }))).status).toBe(201);
      expect((await reply('conflict', zones, admin('POST', { name }))).status).toBe(409);
      expect((await reply('unknown', `${zones}/${crypto.randomUUID()}`, admin('GET'))).status).toBe(
        404,
      );
      expect((await zone.session({ session_id: crypto.randomUUID() })).status).toBe(400);
      const after = await poolSeenBy(client);
      // On a machine that is slow, some of them may not have been needed for as long as a pool keeps them.
      const needed = (after[0]?.asked ?? 0) - POOL_KEEPS_SECONDS;
      const kept = before.filter(({ since }) => since > needed).map(({ pid }) => pid);
      // What goes on at the same time may have taken one more.
      expect(after.map(({ pid }) => pid)).toEqual(expect.arrayContaining(kept));
      seen += kept.length;
    }
  });
  expect(seen).toBeGreaterThan(0);
});

test('refuses in time while PostgreSQL is stopped, and recovers', async () => {
  expect((await fetch(keySetUrl(zone.zoneId))).status).toBe(200);
  await stopDatabase();
  try {
    await expectToHoldOut();
  } finally {
    await startDatabase();
  }
  await expectRecovery();
});

const pause = async (): Promise<void> => signalFamily(await postmasterOf(dataDir), 'SIGSTOP');

const resume = async (): Promise<void> => signalFamily(await postmasterOf(dataDir), 'SIGCONT');

const openTransactions = () =>
  rows(
    databaseUrl,
    `SELECT state, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`,
  );

const zones = () => rows<{ id: string; name: string }>(databaseUrl, 'SELECT id, name FROM zones');

describe('while PostgreSQL is paused', () => {
  test('refuses in time, and recovers', async () => {
    expect((await fetch(keySetUrl(zone.zoneId))).status).toBe(200);
    await pause();
    try {
      await expectToHoldOut();
    } finally {
      await resume();
    }
    await expectRecovery();
  });

  test('what was paused in the middle of a transaction is not finished by another one', async () => {
    const before = await zones();
    const names: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const pausing = sleep(5).then(pause);
      const attempts = Array.from({ length: 12 }, (_, i) => {
        const name = `round ${round} zone ${i}`;
        return reply(name, `${replica.url}/internal/zones`, admin('POST', { name }));
      });
      const sessions = Array.from({ length: 12 }, () => zone.session());
      await pausing;
      const made = await Promise.all(attempts);
      await Promise.all(sessions);
      // Long enough for the goodbyes to have been given up as well.
      await sleep(800);
      await resume();
      // A server that was paused notices all its timeouts at once; what is open then is never ended.
      await until(async () => (await openTransactions()).length === 0);
      names.push(...made.filter(({ status }) => status === 201).map(({ what }) => what));
      expect(made.filter(({ status }) => status !== 201 && status !== 503)).toEqual([]);
      await expectRecovery();
    }
    // Whoever was told that it worked was told the truth. Whoever was told "not now" cannot know;
    // but a zone is there whole, with its audit event, or not at all.
    const after = await zones();
    expect(names.filter((name) => !after.some((zoneRow) => zoneRow.name === name))).toEqual([]);
    for (const { id, name } of after.filter(
      (one) => !before.some(({ id: old }) => old === one.id),
    )) {
      if (!name.startsWith('round')) continue;
      const events = await rows(
        databaseUrl,
        `SELECT 1 FROM audit_events WHERE zone_id = $1 AND type = 'admin.zone.created'`,
        [id],
      );
      expect(events).toHaveLength(1);
    }
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  });

  test('stops without it, and with code 0', async () => {
    const leaving = await startReplica({ databaseUrl });
    await pause();
    try {
      // While the database is still paused: it does not wait for it.
      expect(await leaving.stop()).toBe(0);
    } finally {
      await resume();
    }
  });
});

test('refuses in time when no connections are left, and recovers', async () => {
  expect((await fetch(keySetUrl(zone.zoneId))).status).toBe(200);
  const held: pg.Client[] = [];
  const hold = async (): Promise<boolean> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      if (Reflect.get(Object(error), 'code') === '53300') return false;
      throw error;
    }
    held.push(client);
    return true;
  };
  try {
    expect(await hold()).toBe(true);
    // Takes what is free, then what the server gives up, until it has none. One that is being made, or is about to be
    // gone, takes a place in which nobody is seen, and the server may get it: so the places are counted.
    while (held.length < MAX_CONNECTIONS) {
      while (await hold());
      await (held[0] as pg.Client).query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND NOT pid = ANY ($1)`,
        [await Promise.all(held.map((client) => pidOf(client)))],
      );
    }
    await expectToHoldOut();
  } finally {
    await Promise.all(held.map((client) => client.end()));
  }
  await expectRecovery();
});

async function pidOf(client: pg.Client): Promise<number> {
  const { rows: found } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return Number(found[0]?.pid);
}

test('refuses in time when it is not let in any more, and recovers', async () => {
  await withClient(databaseUrl, async (client) => {
    await client.query('ALTER ROLE mandate NOLOGIN');
    try {
      // Until none is seen: one that was being made then has been let in.
      await until(async () => {
        const { rowCount } = await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        return rowCount === 0;
      });
      expectRefusals(await everyKind());
    } finally {
      await client.query('ALTER ROLE mandate LOGIN');
    }
  });
  await expectRecovery();
});

test('a lock that is held too long costs a refusal, and nothing afterwards', async () => {
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN; LOCK TABLE audit_chains IN EXCLUSIVE MODE');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        reply(
          'token',
          `${replica.url}/oauth/2/token`,
          form({
            grant_type: 'client_credentials',
            client_id: zone.clientId,
            client_secret: zone.secret,
            resource: zone.resource,
          }),
        ),
      ),
    );
    expectRefusals(answers);
    await client.query('ROLLBACK');
  });
  await expectRecovery();
});

test('waits for a database that is not up yet', async () => {
  await stopDatabase();
  const early = startProcess({
    DATABASE_URL: databaseUrl,
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    PORT: '0',
  });
  await early.says(/the database does not answer yet/);
  await startDatabase();
  const { ports } = await early.listens();
  expect((await fetch(`http://127.0.0.1:${ports[0]}/ready`)).status).toBe(200);
  early.kill();
  expect(await early.ended).toMatchObject({ code: 0 });
});

test('is the same process that it was', () => {
  expect(() => process.kill(replica.pid, 0)).not.toThrow();
});
