import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { REQUEST_TIMEOUT_MS } from '../../src/platform/config/time-limits.js';
import { heldIn, APPROVE_WRITES } from '../setup/challenges.js';
import { USUAL_LIMITS } from '../setup/server-process.js';
import { auditOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER, startKeyServer, type KeyServer } from '../setup/key-server.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { formRequest, openSocket, type RawSocket } from '../setup/raw-socket.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

/** Of all; of operators, and the least that there may be, as well. */
const PLACES = 8;
const TOO_MANY = 'too many requests are in flight';
const TURNED_AWAY = { status: 503, body: { error_description: TOO_MANY } };

let replica: Replica;
let zone: TestZone;
let keys: KeyServer;

beforeAll(async () => {
  keys = await startKeyServer();
  keys.publish(() => {});
  replica = await startReplica({
    env: {
      ...USUAL_LIMITS,
      MAX_REQUESTS_IN_FLIGHT: String(PLACES),
      TRUST_PROXY: '1',
      ...ALLOW_KEY_SERVER,
    },
  });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
  await keys?.close();
});

beforeEach(async () => {
  expect((await persistently(() => zone.session())).status).toBe(200);
});

const shed = (reason: string) => metric(replica, 'mandate_requests_shed_total', { reason });

/** Waits until so many requests are worked on. */
const underWay = (count: number) =>
  expect.poll(() => metric(replica, 'mandate_requests_in_flight', { lane: 'work' })).toBe(count);

const from = (address: string) => ({ 'x-forwarded-for': address });

/** Keeps everybody from a table, until it is let go. */
async function lock(table: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: replica.databaseUrl });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  return async () => {
    await client.query('ROLLBACK');
    await client.end();
  };
}

/** Waits until so many backends of the replica wait for a lock. */
const theyWait = (count = 1) =>
  until(async () => {
    const waiting = await rows(
      replica.databaseUrl,
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length >= count;
  });

async function newSession(): Promise<string> {
  return String(decodeJwt(String((await zone.session()).body['access_token']))['sid']);
}

const recorded = async () =>
  (await rows(replica.databaseUrl, 'SELECT 1 FROM audit_events WHERE zone_id = $1', [zone.zoneId]))
    .length;

let strangers = 0;

/** A zone that trusts an issuer whose keys never come: who presents its tokens waits until the deadline. */
async function stuckZone() {
  const stuck = await createTestZone(replica);
  const issuer = `https://${randomUUID()}.example`;
  const trusted = { issuer, jwks_uri: keys.url, audiences: ['us'], token_types: ['jwt'] };
  await stuck.admin('POST', '/issuers', trusted);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = [
    part({ alg: 'ES256', kid: 'k', typ: 'JWT' }),
    part({ iss: issuer, sub: 'u', aud: 'us', exp: 9_999_999_999 }),
    'A'.repeat(86),
  ].join('.');
  const ask = ({ clientId, secret }: { clientId: string; secret: string }) => {
    strangers += 1;
    const parameters = {
      client_id: clientId,
      client_secret: secret,
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    };
    return stuck.exchange(parameters, from(`192.0.2.${strangers}`));
  };
  return { stuck, ask };
}

describe('more requests than there are places', () => {
  test('are refused at once, counted and not logged, while probes and operators are answered', async () => {
    const count = await shed('requests');
    const unlock = await lock('challenges');
    try {
      const path = `${replica.url}/step-up/${randomUUID()}`;
      const ask = (n: number) => fetch(path, { headers: from(`192.0.2.${n}`) });
      const waiting = Array.from({ length: PLACES }, (_, n) => ask(n));
      await underWay(PLACES);
      const refused = await before(
        Promise.all(Array.from({ length: 5 }, (_, n) => ask(100 + n))),
        Promise.race(waiting),
      );
      for (const answer of refused) {
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
        const requestId = answer.headers.get('x-request-id') ?? '';
        expect(await answer.json()).toEqual({
          error: 'temporarily_unavailable',
          error_description: TOO_MANY,
          requestId,
        });
        expect(replica.logs().filter((line) => line.includes(requestId))).toEqual([]);
      }
      expect((await shed('requests')) - count).toBe(5);
      for (const probe of ['/health', '/metrics', '/ready']) {
        const answer = await before(fetch(replica.url + probe), Promise.race(waiting));
        expect([200, 503]).toContain(answer.status);
        expect(await answer.text()).not.toContain(TOO_MANY);
      }
      const zones = await before(zone.admin('GET', ''), Promise.race(waiting));
      expect(zones['id']).toBe(zone.zoneId);
      await Promise.all(waiting);
    } finally {
      await unlock();
    }
  });

  test('of one address leave room for others', async () => {
    const count = await shed('address');
    const unlock = await lock('challenges');
    const path = `${replica.url}/step-up/${randomUUID()}`;
    const flood = Array.from({ length: 12 }, () => fetch(path, { headers: from('192.0.2.1') }));
    try {
      await expect.poll(async () => (await shed('address')) - count).toBe(8);
      const other = await zone.session({}, from('192.0.2.2'));
      expect(other.status).toBe(200);
    } finally {
      await unlock();
    }
    // Half of the places, as many as it leaves free.
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 404).length).toBeLessThanOrEqual(PLACES / 2);
  });

  test('are refused before their body is there', async () => {
    const unlock = await lock('challenges');
    try {
      const path = `${replica.url}/step-up/${randomUUID()}`;
      const waiting = Array.from({ length: PLACES }, (_, n) =>
        fetch(path, { headers: from(`192.0.2.${n}`) }),
      );
      await underWay(PLACES);
      const socket = await openSocket(replica.ports[0] ?? 0);
      socket.write(formRequest('/oauth/2/token', { grant_type: 'x' }).head);
      await before(socket.says(/^HTTP\/1\.1 503 [^]*too many/), Promise.race(waiting));
      socket.destroy();
      await Promise.all(waiting);
    } finally {
      await unlock();
    }
  });
});

describe('requests of one zone', () => {
  test('leave room for other zones, and those of one client for its other clients', async () => {
    const { ask, stuck } = await stuckZone();
    const clients = [stuck, await stuck.newClient(), await stuck.newClient()];
    const counts = { zone: await shed('zone'), client: await shed('client') };
    const waiting: Promise<Answer>[] = [];
    const wait = async (which: number) => {
      waiting.push(ask(clients[which] ?? stuck));
      await underWay(waiting.length);
    };
    await wait(0);
    await wait(0);
    // Half of what is free, and all of what is free, is what one more may have at most.
    expect(await before(ask(stuck), Promise.race(waiting))).toMatchObject(TURNED_AWAY);
    await wait(1);
    await wait(1);
    expect(await before(ask(clients[2] ?? stuck), Promise.race(waiting))).toMatchObject(
      TURNED_AWAY,
    );
    expect((await shed('client')) - counts.client).toBe(1);
    expect((await shed('zone')) - counts.zone).toBe(1);
    expect((await before(zone.session(), Promise.race(waiting))).status).toBe(200);
    await Promise.all(waiting);
  });
});

describe('a request whose answer nobody waits for', () => {
  test('is dropped before anything is minted or recorded: the caller has gone', async () => {
    const session = await newSession();
    const [count, events] = [await shed('caller_gone'), await recorded()];
    const unlock = await lock('sessions');
    try {
      const { head, body } = formRequest('/oauth/2/token', {
        grant_type: 'client_credentials',
        client_id: zone.clientId,
        client_secret: zone.secret,
        resource: zone.resource,
        session_id: session,
      });
      const socket = await openSocket(replica.ports[0] ?? 0);
      socket.write(head + body);
      await theyWait();
      socket.destroy();
      await underWay(0);
    } finally {
      await unlock();
    }
    await expect.poll(async () => (await shed('caller_gone')) - count).toBe(1);
    expect(await recorded()).toBe(events);
  });

  test('is dropped before anything is minted or recorded: the deadline has passed', async () => {
    const session = await newSession();
    const count = await shed('deadline');
    const unlock = await lock('sessions');
    const asked = zone.session({ session_id: session });
    await theyWait();
    // What it waits for comes while nothing of the process runs, and the deadline passes.
    process.kill(replica.pid, 'SIGSTOP');
    await unlock();
    await sleep(REQUEST_TIMEOUT_MS);
    process.kill(replica.pid, 'SIGCONT');
    const answer = await asked;
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    await expect.poll(async () => (await shed('deadline')) - count).toBe(1);
    expect(await auditOf(replica.databaseUrl, answer.requestId)).toEqual([]);
  });

  test('is recorded, whoever has gone, if it is denied', async () => {
    const events = await recorded();
    const unlock = await lock('audit_events');
    const socket = await openSocket(replica.ports[0] ?? 0);
    const { head, body } = formRequest('/oauth/2/token', {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_secret: 'wrong',
      resource: zone.resource,
    });
    socket.write(head + body);
    await theyWait();
    socket.destroy();
    await unlock();
    await expect.poll(recorded).toBe(events + 1);
  });
});

describe('bodies on their way', () => {
  const half = () =>
    formRequest('/oauth/2/token', { grant_type: 'client_credentials', pad: 'x'.repeat(2_000) });

  async function sendHalf(): Promise<RawSocket> {
    const socket = await openSocket(replica.ports[0] ?? 0);
    const { head, body } = half();
    socket.write(head + body.slice(0, 100));
    return socket;
  }

  test('have no place, and when they are too many the oldest gives way', async () => {
    const count = await shed('bodies');
    const slow: RawSocket[] = [];
    while (slow.length < 2 * PLACES) {
      slow.push(...(await Promise.all(Array.from({ length: PLACES / 2 }, sendHalf))));
      await expect
        .poll(() => metric(replica, 'mandate_requests_in_flight', { lane: 'arriving' }))
        .toBe(slow.length);
    }
    expect((await zone.session()).status).toBe(200);
    const [first, ...others] = slow;
    await first?.says(/^HTTP\/1\.1 503 [^]*Connection: close[^]*too many/);
    await first?.closed;
    expect(others.map((socket) => socket.answer())).toEqual(others.map(() => ''));
    expect((await shed('bodies')) - count).toBe(1);
    for (const socket of slow) socket.destroy();
  });
});

test('those who wait for a decision do not keep others from working', async () => {
  const own = await createTestZone(replica);
  await own.activate(APPROVE_WRITES);
  const { id } = heldIn(await own.session({ scope: 'a:write' }));
  const leave = new AbortController();
  const waiting = Array.from({ length: 5 * PLACES }, () =>
    fetch(`${replica.url}/step-up/${id}?wait=25`, { signal: leave.signal }),
  );
  await expect.poll(() => metric(replica, 'mandate_step_up_waiting_requests')).toBe(5 * PLACES);
  expect((await before(own.session(), Promise.race(waiting))).status).toBe(200);
  leave.abort();
  await Promise.allSettled(waiting);
});
