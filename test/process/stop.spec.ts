import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  createDatabase,
  KEY_ENCRYPTION_KEY,
  startReplica,
  type Replica,
} from '../setup/harness.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { makePausable, pause, pausedSoFar, resume } from '../setup/paused-commits.js';
import { killProcesses, startProcess, until, type ServerProcess } from '../setup/process.js';
import { formRequest, openSocket, type RawSocket } from '../setup/raw-socket.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

let databaseUrl: string;
let first: Replica;
let zone: TestZone;

// One replica stays for the whole file, so that the zone has somebody to be asked.
beforeAll(async () => {
  databaseUrl = await createDatabase();
  first = await startReplica({ databaseUrl, env: { INTERNAL_PORT: '0' } });
  const [, internal] = first.ports;
  zone = await createTestZone({ ...first, url: `http://127.0.0.1:${internal}` });
});

afterAll(async () => {
  await killProcesses();
  await first?.stop();
});

interface Leaving {
  readonly process: ServerProcess;
  readonly port: number;
  readonly url: string;
}

/** Starts a server that is going to be stopped. */
async function startLeaving(env: Record<string, string> = {}): Promise<Leaving> {
  const leaving = startProcess({
    DATABASE_URL: databaseUrl,
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    PORT: '0',
    // Only its own limits may end what these tests wait for, not a busy machine.
    STOP_SECONDS: '100',
    ...env,
  });
  const { ports } = await leaving.listens();
  const [port = 0] = ports;
  return { process: leaving, port, url: `http://127.0.0.1:${port}` };
}

const credentials = (of: TestZone = zone): Record<string, string> => ({
  grant_type: 'client_credentials',
  client_id: of.clientId,
  client_secret: of.secret,
  resource: of.resource,
});

const CLOSING = { headers: { connection: 'close' } };

async function statusOf(url: string): Promise<number> {
  return (await fetch(url, CLOSING)).status;
}

/** Keeps a connection open on which one request was answered. */
async function openIdle(port: number): Promise<RawSocket> {
  const socket = await openSocket(port);
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await socket.says(/200 OK[^]*"ok"/);
  return socket;
}

describe.concurrent('a server that is told to stop', () => {
  test('is not ready at once, serves while it drains, and refuses connections when it is told twice', async () => {
    const drain = { DRAIN_SECONDS: '60' };
    const [told, other] = await Promise.all([startLeaving(drain), startLeaving(drain)]);
    /** Begins the drain of one, and returns the connections that were idle before. */
    const begin = async ({ process: leaving, port, url }: Leaving, signal: NodeJS.Signals) => {
      await until(async () => (await statusOf(`${url}/ready`)) === 200);
      const idle = await Promise.all(Array.from({ length: 5 }, () => openIdle(port)));
      leaving.kill(signal);
      await until(async () => (await statusOf(`${url}/ready`)) === 503);
      for (let round = 0; round < 3; round += 1) {
        expect(await statusOf(`${url}/ready`)).toBe(503);
        expect(await statusOf(`${url}/health`)).toBe(200);
        const served = await persistently(() =>
          postForm(url, credentials(), { connection: 'close' }),
        );
        expect(served.status).toBe(200);
      }
      // Whoever keeps a connection open is told to ask elsewhere, with an answer and before the end.
      const [kept] = idle;
      kept?.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await kept?.closed;
      expect(kept?.answer().match(/200 OK/g)).toHaveLength(2);
      expect(kept?.answer()).toMatch(/\r\nConnection: close\r\n/i);
      return idle;
    };
    /** Ends the drain, whatever is left of it, by the second signal. */
    const end = async ({ process: leaving, url }: Leaving, signal: NodeJS.Signals) => {
      leaving.kill(signal);
      await until(() => statusOf(`${url}/health`).then(() => false, isRefused));
      return leaving.ended;
    };
    // The other one drains first, and goes on while this one is told twice.
    const idle = [...(await begin(other, 'SIGINT')), ...(await begin(told, 'SIGTERM'))];
    const ended = end(told, 'SIGTERM');
    expect(await before(ended, other.process.ended)).toMatchObject({ code: 0, signal: null });
    expect(await end(other, 'SIGINT')).toMatchObject({ code: 0, signal: null });
    await Promise.all(idle.map(({ closed }) => closed));
  });

  test('drains for as long as it was told to, and then has its time to end', async () => {
    const { process: leaving } = await startLeaving({ DRAIN_SECONDS: '3', STOP_SECONDS: '2' });
    leaving.kill();
    const ending = await leaving.ended;
    expect(ending).toMatchObject({ code: 0, signal: null });
    expect(ending.took).toBeGreaterThan(3_000);
  });

  test('lets callers wait while it drains, and answers them when that is over', async () => {
    const { process: leaving, url } = await startLeaving({ DRAIN_SECONDS: '60' });
    const held = await createTestZone(zone.replica);
    await held.activate(APPROVE_WRITES);
    const asked = { ...credentials(held), scope: 'a:write' };
    const { id: challenge } = heldIn(await persistently(() => postForm(url, asked)));
    const waiting = fetch(`${url}/step-up/${challenge}?wait=25`);
    leaving.kill();
    await until(async () => (await statusOf(`${url}/ready`)) === 503);
    const later = fetch(`${url}/step-up/${challenge}?wait=25`);
    // One that is answered at once would ask again at once.
    const answered = Promise.race([waiting, later]);
    for (let round = 0; round < 3; round += 1) {
      const shown = persistently(() => fetch(`${url}/step-up/${challenge}`, CLOSING));
      expect((await before(shown, answered)).status).toBe(200);
    }
    leaving.kill();
    const answers = await Promise.all([waiting, later]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await leaving.ended).toMatchObject({ code: 0, signal: null });
  });

  test('does not wait for connections on which nothing is asked', async () => {
    const { process: leaving, port } = await startLeaving();
    const idle = await Promise.all(Array.from({ length: 20 }, () => openIdle(port)));
    const asking = await openSocket(port);
    const { head, body } = formRequest('/oauth/2/token', credentials());
    await arrived(port, () => asking.write(head + body.slice(0, 20)));
    leaving.kill();
    // They are closed while the request that has begun is still waited for.
    await before(Promise.all(idle.map(({ closed }) => closed)), asking.closed);
    asking.destroy();
    expect(await leaving.ended).toMatchObject({ code: 0, signal: null });
  });

  test('answers a request that was half sent before, properly', async () => {
    const { process: leaving, port } = await startLeaving();
    const socket = await openSocket(port);
    const { head, body } = formRequest('/oauth/2/token', credentials());
    await arrived(port, () => socket.write(head + body.slice(0, 20)));
    leaving.kill();
    await leaving.says(/"stopping"/);
    socket.write(body.slice(20));
    await socket.says(/\r\n\r\n\{"access_token"[^]*\}/);
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await leaving.ended).toMatchObject({ code: 0, signal: null });
  });

  test('finishes a commit that takes its time', async () => {
    const { process: leaving, port, url } = await startLeaving();
    const own = await createTestZone(zone.replica);
    expect((await persistently(() => postForm(url, credentials(own)))).status).toBe(200);
    await makePausable(databaseUrl);
    await pause(databaseUrl, own.zoneId);
    const sockets = await Promise.all([openSocket(port), openSocket(port)]);
    const { head, body } = formRequest('/oauth/2/token', credentials(own));
    await arrived(port, () => sockets.forEach((socket) => socket.write(head + body)));
    await until(async () => (await pausedSoFar(databaseUrl)) > 0);
    leaving.kill();
    await leaving.says(/"stopping"/);
    await resume(databaseUrl, own.zoneId);
    await Promise.all(sockets.map((socket) => socket.says(/\r\n\r\n\{"access_token"[^]*\}/)));
    for (const socket of sockets) expect(socket.answer()).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await leaving.ended).toMatchObject({ code: 0, signal: null });
  });

  test('does not wait for ever for a request that never comes to its end', async () => {
    const { process: leaving, port } = await startLeaving({ STOP_SECONDS: '10' });
    const stuck = await openSocket(port);
    const { head, body } = formRequest('/oauth/2/token', credentials());
    stuck.write(head + body.slice(0, 20));
    const headless = await openSocket(port);
    const silent = await openSocket(port);
    await arrived(port, () => headless.write('POST /oauth/2/token HTTP/1.1\r\nHost: local'));
    leaving.kill();
    // None of these connections is ever closed by us.
    expect(await leaving.ended).toMatchObject({ code: 0, signal: null });
    await Promise.all([stuck, headless, silent].map(({ closed }) => closed));
  });

  test('stops while it is still starting', async () => {
    const early = startProcess({
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
      KEY_ENCRYPTION_KEY,
      PORT: '0',
      // For which it would have waited for its database: longer than any test may take.
      START_SECONDS: '3600',
    });
    await early.says(/does not answer yet/);
    early.kill();
    expect(await early.ended).toMatchObject({ code: 0, signal: null });
  });
});

/** Writes, and waits until the server has answered something that was sent to it later. */
async function arrived(port: number, write: () => void): Promise<void> {
  write();
  expect(await statusOf(`http://127.0.0.1:${port}/health`)).toBe(200);
}

function isRefused(error: unknown): boolean {
  const cause: unknown = Reflect.get(Object(error), 'cause');
  return /ECONNREFUSED/.test(String(Reflect.get(Object(cause), 'code')));
}

const post = (path: string, type: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n` +
  `Content-Type: ${type}\r\nContent-Length: 1000\r\n\r\n`;

describe.concurrent('a connection that is too slow', () => {
  const [publicPort, internalPort] = [0, 1].map((i) => () => first.ports[i] ?? 0);
  const form = post('/oauth/2/token', 'application/x-www-form-urlencoded');
  const json = post('/internal/zones', 'application/json');

  test.each([
    { what: 'headers byte by byte', port: publicPort, start: '', drip: form },
    { what: 'headers that stop', port: publicPort, start: form.slice(0, 50), drip: '' },
    { what: 'a form byte by byte', port: publicPort, start: form, drip: 'a'.repeat(999) },
    { what: 'a form that stops', port: publicPort, start: `${form}grant_type=`, drip: '' },
    { what: 'JSON byte by byte', port: internalPort, start: json, drip: ' '.repeat(999) },
    { what: 'JSON that stops', port: internalPort, start: `${json}{"name":`, drip: '' },
    {
      what: 'a chunked form that stops',
      port: publicPort,
      start: `${form.replace('Content-Length: 1000', 'Transfer-Encoding: chunked')}5\r\ngrant\r\n`,
      drip: '',
    },
  ])('is cut: $what', async ({ port, start, drip }) => {
    const socket = await openSocket((port as () => number)());
    socket.write(start);
    for (const byte of drip) {
      socket.write(byte);
      const over = await Promise.race([socket.closed, sleep(50, null)]);
      if (over !== null) break;
    }
    // By the server: this side never ends it.
    expect(await socket.closed).toBeGreaterThan(3_000);
    // Nobody was refused because of us: that would be an alarm about the wrong thing.
    expect(socket.answer()).not.toMatch(/ 50\d /);
  });

  test('is not cut for a body that takes a while and arrives', async () => {
    const socket = await openSocket(first.ports[0] ?? 0);
    const { head, body } = formRequest('/oauth/2/token', credentials());
    socket.write(head);
    // Well within its five seconds: a busy machine takes some of them.
    for (const part of body.match(/[^]{1,40}/g) ?? []) {
      socket.write(part);
      await sleep(1_000 / (body.length / 40));
    }
    await socket.says(/\{[^]*\}/);
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  test('does not keep others from being served', async () => {
    const slow = await Promise.all(
      Array.from({ length: 200 }, () => openSocket(first.ports[0] ?? 0)),
    );
    for (const socket of slow) socket.write(`${form}grant`);
    // Before the first of them is cut.
    const cut = Promise.race(slow.map(({ closed }) => closed));
    const served = persistently(() => postForm(first.url, credentials()));
    expect((await before(served, cut)).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});

const at = (i: number) => `http://127.0.0.1:${first.ports[i]}`;

const get = async (url: string) =>
  (await fetch(url, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).status;

describe('with an internal port', () => {
  const INTERNAL = ['/internal/zones', '/metrics', '/metrics.json', '/docs', '/docs-json'];
  const SPELLINGS = ['/INTERNAL/zones', '/internal/', '//internal/zones', '/Metrics', '/docs/'];

  test.each(INTERNAL)('%s is there and only there', async (path) => {
    expect(await get(at(0) + path)).toBe(404);
    expect(await get(at(1) + path)).toBe(200);
  });

  test.each(SPELLINGS)('%s is not on the public one', async (path) => {
    expect(await get(at(0) + path)).toBe(404);
  });

  test('what is public is on the public one only', async () => {
    const keySet = `/.well-known/jwks.json?zone_id=${zone.zoneId}`;
    expect(await get(at(0) + keySet)).toBe(200);
    expect(await get(at(1) + keySet)).toBe(404);
    expect((await postForm(at(0), credentials())).status).toBe(200);
    expect((await postForm(at(1), credentials())).status).toBe(404);
  });

  test.each(['/health', '/ready'])('%s is on both', async (path) => {
    expect(await get(at(0) + path)).toBe(200);
    expect(await get(at(1) + path)).toBe(200);
  });
});
