import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  createDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  type Replica,
} from '../setup/harness.js';
import { startLoad } from '../setup/load.js';
import { persistently } from '../setup/patience.js';
import { familyOf, killProcesses, signalFamily, startProcess, until } from '../setup/process.js';
import { formRequest, openSocket } from '../setup/raw-socket.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

afterAll(killProcesses);

const credentials = (zone: TestZone, more: Record<string, string> = {}) => ({
  grant_type: 'client_credentials',
  client_id: zone.clientId,
  client_secret: zone.secret,
  resource: zone.resource,
  scope: 'a:read',
  ...more,
});

/** A connection of its own for each request: they come to the workers in turn. */
const NEW = { connection: 'close' };

/** The workers that have logged a request so far, by their numbers. */
function workersIn(lines: readonly string[], message = 'request'): Set<unknown> {
  return new Set(
    lines
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => Reflect.get(Object(JSON.parse(line)), 'worker')),
  );
}

/** The processes of the workers. */
const workersOf = async (pid: number): Promise<number[]> => (await familyOf(pid)).slice(1);

async function figure(url: string, line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: NEW })).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

async function readiness(url: string): Promise<{ status: number; details: unknown }> {
  const response = await fetch(`${url}/ready`, { headers: NEW });
  return {
    status: response.status,
    details: Reflect.get(Object(await response.json()), 'details'),
  };
}

describe('two workers', () => {
  let replica: Replica;
  let zone: TestZone;

  beforeAll(async () => {
    replica = await startReplica({
      env: {
        WORKERS: '2',
        RATE_LIMIT_CLIENT: '50000/50000',
        AUDIT_UNAUTHENTICATED: '3/1000/5000',
        // What is waited for ends by itself, not by the end of all time.
        STOP_SECONDS: '100',
      },
    });
    zone = await createTestZone(replica);
  });
  afterAll(async () => {
    await replica?.stop();
  });

  /** Sends requests but for their last bytes, each on a connection of its own, and waits until they are being read. */
  async function begin(count: number): Promise<() => Promise<void>> {
    const port = Number(new URL(replica.url).port);
    const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(port)));
    const { head, body } = formRequest('/oauth/2/token', credentials(zone));
    for (const socket of sockets) socket.write(head + body.slice(0, 20));
    const arriving = 'mandate_requests_in_flight{lane="arriving"}';
    await until(async () => (await figure(replica.url, arriving)) === count);
    return async () => {
      for (const socket of sockets) socket.write(body.slice(20));
      for (const socket of sockets) await socket.says(/"access_token"/);
    };
  }

  /** Waits until both of them serve. @returns their processes */
  async function bothServe(): Promise<number[]> {
    await until(async () => {
      const { status, details } = await readiness(replica.url);
      return status === 200 && Reflect.get(Object(details), 'workers').serving === 2;
    });
    return workersOf(replica.pid);
  }

  test('answer on one port, each in its turn, and say which of them they are', async () => {
    await until(async () => {
      expect((await postForm(replica.url, credentials(zone), NEW)).status).toBe(200);
      return workersIn(replica.logs()).size === 2;
    });
    expect(workersIn(replica.logs())).toEqual(new Set([1, 2]));
    const listening = replica.logs().filter((line) => line.includes('"msg":"listening"'));
    expect(listening).toHaveLength(1);
    expect(JSON.parse(listening[0] ?? '')).toMatchObject({ workers: 2 });
  });

  test('log one line for each request', async () => {
    const labels = Array.from({ length: 20 }, (_, n) => `one-line-${n}`);
    await Promise.all(
      labels.map((label) =>
        postForm(replica.url, credentials(zone), { ...NEW, 'x-request-id': label }),
      ),
    );
    const logged = () => replica.logs().filter((line) => line.includes('"one-line-'));
    await until(() => Promise.resolve(logged().length >= labels.length));
    const found = logged().map((line) =>
      String(Reflect.get(Object(JSON.parse(line)), 'requestLabel')),
    );
    expect(found.toSorted()).toEqual(labels.toSorted());
  });

  test('have the same figures, whichever is asked, and each request in them', async () => {
    const issued = 'mandate_exchanges_total{outcome="issued"}';
    const before = await figure(replica.url, issued);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        persistently(() => postForm(replica.url, credentials(zone), NEW)),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (let asked = 0; asked < 4; asked += 1) {
      expect(await figure(replica.url, issued)).toBe(before + 10);
    }
    const build = /mandate_build_info\{.*\} 1\n/;
    expect(await (await fetch(`${replica.url}/metrics`)).text()).toMatch(build);
    const json = (await (await fetch(`${replica.url}/metrics.json`)).json()) as {
      name: string;
      values: { value: number; labels: Record<string, string> }[];
    }[];
    const exchanges = json.find(({ name }) => name === 'mandate_exchanges_total');
    expect(exchanges?.values.find(({ labels }) => labels['outcome'] === 'issued')?.value).toBe(
      before + 10,
    );
  });

  test('are ready together', async () => {
    // One whose processor is busy with something else is not for a moment.
    await expect
      .poll(() => readiness(replica.url))
      .toMatchObject({
        status: 200,
        details: { workers: { serving: 2, configured: 2 }, ledger: { status: 'up' } },
      });
  });

  test('count the guesses at a secret together', async () => {
    const guess = () => postForm(replica.url, credentials(zone, { client_secret: 'wrong' }), NEW);
    const answers = [];
    for (let n = 0; n < 14; n += 1) answers.push(await guess());
    const codes = answers.map(({ body }) => body['error']);
    // The tenth wrong one is the last that is told so.
    expect(codes.filter((code) => code === 'invalid_client')).toHaveLength(10);
    expect(codes.slice(10)).toEqual(Array(4).fill('slow_down'));
    expect((await postForm(replica.url, credentials(zone), NEW)).status).toBe(200);
  });

  test('give a stranger one ration of the audit log, over however many connections', async () => {
    const other = await createTestZone(replica);
    const recorded = async () => {
      const [row] = await rows<{ count: string }>(
        replica.databaseUrl,
        `SELECT count(*) FROM audit_events WHERE zone_id = $1 AND outcome = 'denied'`,
        [other.zoneId],
      );
      return Number(row?.count);
    };
    for (let n = 0; n < 6; n += 1) {
      expect((await postForm(replica.url, credentials(other), NEW)).status).toBe(200);
    }
    const denied = await Promise.all(
      Array.from({ length: 24 }, () =>
        postForm(
          replica.url,
          credentials(other, { client_id: other.clientId, client_secret: 'mandate_wrong' }),
          NEW,
        ),
      ),
    );
    expect(denied.every(({ status }) => status >= 400)).toBe(true);
    // One that is evaluated again, on a newer snapshot, takes of the ration again. Two rations would be six.
    expect(await recorded()).toBeGreaterThan(0);
    expect(await recorded()).toBeLessThanOrEqual(3);
  });

  test('know of what was changed at the other', async () => {
    // A change is made at one of them, and requests come to both.
    const path = `${replica.url}/internal/zones/${zone.zoneId}/resources`;
    const headers = {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      'content-type': 'application/json',
      ...NEW,
    };
    for (let n = 0; n < 4; n += 1) {
      const identifier = `https://worker-${n}.example`;
      const body = JSON.stringify({ identifier, scopes: ['a:read'] });
      expect((await fetch(path, { method: 'POST', headers, body })).status).toBe(201);
      for (let asked = 0; asked < 2; asked += 1) {
        const answer = await postForm(
          replica.url,
          credentials(zone, { resource: identifier }),
          NEW,
        );
        // Unknown resources are invalid_target; one that is known is for policy to decide.
        expect(answer.body['error'] ?? 'issued').not.toBe('invalid_target');
      }
    }
  });

  test('one that is killed under load is replaced, and nothing is lost but connections', async () => {
    const issued = 'mandate_exchanges_total{outcome="issued"}';
    const load = startLoad(zone, () => replica.url);
    await load.more(50);
    const before = await figure(replica.url, issued);
    const [victim = 0, ...others] = await workersOf(replica.pid);
    process.kill(victim, 'SIGKILL');
    await load.more(50);
    await until(async () => {
      const now = await workersOf(replica.pid);
      return now.length === 2 && !now.includes(victim) && others.every((pid) => now.includes(pid));
    });
    await bothServe();
    // Both answer again.
    const answered = () => workersIn(replica.logs().slice(-200));
    await until(async () => {
      await postForm(replica.url, credentials(zone), NEW);
      return answered().size === 2;
    });
    await load.stop();
    // What was counted by the one that is gone stays counted.
    expect(await figure(replica.url, issued)).toBeGreaterThanOrEqual(before);
    // What a caller has received is recorded.
    const recorded = await rows<{ jti: string }>(
      replica.databaseUrl,
      `SELECT jti FROM audit_events WHERE zone_id = $1 AND jti IS NOT NULL`,
      [zone.zoneId],
    );
    const known = new Set(recorded.map(({ jti }) => jti));
    expect(load.received.filter((jti) => !known.has(jti))).toEqual([]);
    expect(load.refusals.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
  });

  test('no caller waits for one that was killed', async () => {
    const [victim = 0] = await bothServe();
    const port = Number(new URL(replica.url).port);
    const ask = async () => {
      const socket = await openSocket(port);
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await socket.closed;
      return socket.answer().includes('200 OK');
    };
    // While it takes nothing, one connection is on its way to it, and all others go elsewhere.
    process.kill(victim, 'SIGSTOP');
    const asked = Array.from({ length: 6 }, ask);
    await Promise.any(asked);
    let answered = 0;
    for (const one of asked) void one.then((ok) => (answered += ok ? 1 : 0));
    await until(() => Promise.resolve(answered === 5));
    process.kill(victim, 'SIGKILL');
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(5);
    await bothServe();
  });

  test('one that is told to stop by itself finishes what it has begun, and is replaced', async () => {
    const [leaving = 0] = await bothServe();
    const finish = await begin(4);
    process.kill(leaving, 'SIGTERM');
    await until(() =>
      Promise.resolve(replica.logs().some((line) => line.includes('"this worker stops'))),
    );
    await finish();
    await until(async () => {
      const now = await workersOf(replica.pid);
      return now.length === 2 && !now.includes(leaving);
    });
  });

  test('all stop at one signal, with what they have begun, and nothing is left behind', async () => {
    const workers = await bothServe();
    expect(workers).toHaveLength(2);
    const finish = await begin(4);
    const stopped = replica.stop();
    await until(() => Promise.resolve(replica.logs().some((line) => line.includes('"stopping"'))));
    await finish();
    expect(await stopped).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    expect(replica.logs().filter((line) => line.includes('"stopping"'))).toHaveLength(1);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a signal to all processes at once drains as one to the first does, and one that is stuck then is not left behind', async () => {
  const server = startProcess({
    DATABASE_URL: await createDatabase(),
    KEY_ENCRYPTION_KEY,
    WORKERS: '2',
    PORT: '0',
    DRAIN_SECONDS: '60',
    // After the drain, for which the one that is stuck is waited.
    STOP_SECONDS: '2',
  });
  const { ports } = await server.listens();
  const workers = await workersOf(server.pid);
  expect(workers).toHaveLength(2);
  const drained = until(async () => {
    const { status, details } = await readiness(`http://127.0.0.1:${ports[0]}`);
    return status === 503 && Reflect.get(Object(details), 'shutdown').status === 'down';
  });
  await signalFamily(server.pid, 'SIGTERM');
  await server.says(/"msg":"stopping"/);
  await drained;
  expect(workers.every(isAlive)).toBe(true);
  process.kill(workers[0] ?? 0, 'SIGSTOP');
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0 });
  expect(server.output()).not.toContain('another takes its place');
  await until(() => Promise.resolve(!workers.some(isAlive)));
});

describe('workers that cannot start', () => {
  const WRONG_KEY =
    'KEY_ENCRYPTION_KEY is not the key that this database was sealed with: give the one that it was sealed with, or another database';

  test('end the whole with one sentence: a port that is taken, a wrong key', async () => {
    const databaseUrl = await createDatabase();
    const env = {
      DATABASE_URL: databaseUrl,
      KEY_ENCRYPTION_KEY,
      ADMIN_TOKEN,
      WORKERS: '2',
      PORT: '0',
    };
    const first = startProcess(env);
    const { ports } = await first.listens();
    const port = String(ports[0]);
    const other = startProcess({ ...env, PORT: port });
    expect(await other.ended).toMatchObject({ code: 75 });
    expect(other.output().trim()).toBe(
      `port ${port} (PORT) is in use by another program: stop that one, or set PORT to another port`,
    );
    const key = createHash('sha256').update('another key').digest('hex');
    const wrong = startProcess({ ...env, KEY_ENCRYPTION_KEY: key });
    expect(await wrong.ended).toMatchObject({ code: 78 });
    expect(wrong.lines().filter((line) => line !== '' && !line.startsWith('{'))).toEqual([
      WRONG_KEY,
    ]);
    // Nobody is left to answer when the one that has started them is gone, without a word to them.
    const workers = await workersOf(first.pid);
    first.kill('SIGKILL');
    await first.ended;
    await until(() => Promise.resolve(!workers.some(isAlive)));
  });

  test('in the place of others end the whole after a few times, with the error of the last', async () => {
    const databaseUrl = await createDatabase();
    const env = { DATABASE_URL: databaseUrl, KEY_ENCRYPTION_KEY, WORKERS: '2', PORT: '0' };
    const server = startProcess(env);
    await server.listens();
    // As if the database had been exchanged for one that was sealed with another key.
    await rows(databaseUrl, `UPDATE key_encryption_keys SET id = 'another'`);
    const [victim = 0] = await workersOf(server.pid);
    process.kill(victim, 'SIGKILL');
    expect(await server.ended).toMatchObject({ code: 78, signal: null });
    const ends = server.lines().filter((line) => line.includes('"msg":"a worker has ended"'));
    const pauses = ends.map((line) => Number(Reflect.get(Object(JSON.parse(line)), 'pauseMs')));
    expect(pauses).toHaveLength(5);
    expect(pauses.toSorted((one, other) => one - other)).toEqual(pauses);
    const said = server.lines().filter((line) => line !== '' && !line.startsWith('{'));
    expect(said).toEqual([WRONG_KEY]);
  });
});
