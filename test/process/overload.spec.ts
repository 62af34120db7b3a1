import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { heldIn, APPROVE_WRITES } from '../setup/challenges.js';
import {
  auditOf,
  rows,
  startReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { formRequest, openSocket, type RawSocket } from '../setup/raw-socket.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

/** Of all; of operators, and the least that there may be, as well. */
const PLACES = 8;
/** Milliseconds within which the request of one test is to be answered: time enough to begin to wait. */
const DEADLINE_MS = 5_000;
/** Who waits for a locked table waits until it is let go: that nothing has a place meanwhile is a state. */
const ENDLESS = { DATABASE_TIMEOUT_MS: '30000', REQUEST_TIMEOUT_MS: '60000' };
const TOO_MANY = 'too many requests are in flight';
const TURNED_AWAY = { status: 503, body: { error_description: TOO_MANY } };

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await startReplica({
    env: { ...ENDLESS, MAX_REQUESTS_IN_FLIGHT: String(PLACES), TRUST_PROXY: '1' },
  });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
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
async function lock(table: string, { databaseUrl } = replica): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  return async () => {
    await client.query('ROLLBACK');
    await client.end();
  };
}

/** Waits until a backend of the replica waits for a lock. */
const theyWait = ({ databaseUrl } = replica) =>
  until(async () => {
    const waiting = await rows(
      databaseUrl,
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });

async function newSession(of: TestZone = zone): Promise<string> {
  return String(decodeJwt(String((await of.session()).body['access_token']))['sid']);
}

const recorded = async () =>
  (await rows(replica.databaseUrl, 'SELECT 1 FROM audit_events WHERE zone_id = $1', [zone.zoneId]))
    .length;

let strangers = 0;

/** A session of one of the clients of a zone, of which a challenge is asked for, from an address of its own. */
function askWithChallenge(
  of: TestZone,
  { clientId, secret }: { clientId: string; secret: string },
) {
  strangers += 1;
  return of.session(
    {
      client_id: clientId,
      client_secret: secret,
      scope: 'a:write',
      challenge_id: randomUUID(),
      challenge_response: 'x'.repeat(43),
    },
    from(`192.0.2.${strangers}`),
  );
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
    } finally {
      await unlock();
    }
  });
});

describe('requests of one zone', () => {
  test('leave room for other zones, and those of one client for its other clients', async () => {
    const stuck = await createTestZone(replica, APPROVE_WRITES);
    const clients = [stuck, await stuck.newClient(), await stuck.newClient()];
    const known = await Promise.all(clients.map((client) => askWithChallenge(stuck, client)));
    expect(known.map(({ status }) => status)).toEqual([400, 400, 400]);
    const counts = { zone: await shed('zone'), client: await shed('client') };
    const unlock = await lock('challenges');
    const waiting: Promise<Answer>[] = [];
    const ask = (which: number) => askWithChallenge(stuck, clients[which] ?? stuck);
    const wait = async (which: number) => {
      waiting.push(ask(which));
      await underWay(waiting.length);
    };
    try {
      await wait(0);
      await wait(0);
      // Half of what is free, and all of what is free, is what one more may have at most.
      expect(await before(ask(0), Promise.race(waiting))).toMatchObject(TURNED_AWAY);
      await wait(1);
      await wait(1);
      expect(await before(ask(2), Promise.race(waiting))).toMatchObject(TURNED_AWAY);
      expect((await shed('client')) - counts.client).toBe(1);
      expect((await shed('zone')) - counts.zone).toBe(1);
      expect((await before(zone.session(), Promise.race(waiting))).status).toBe(200);
    } finally {
      await unlock();
    }
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
    const hurried = await startReplicaForTest({
      env: { ...ENDLESS, REQUEST_TIMEOUT_MS: String(DEADLINE_MS) },
    });
    const own = await createTestZone(hurried);
    const session = await newSession(own);
    const passed = () => metric(hurried, 'mandate_requests_shed_total', { reason: 'deadline' });
    const count = await passed();
    const unlock = await lock('sessions', hurried);
    const asked = own.session({ session_id: session });
    await theyWait(hurried);
    // What it waits for comes while nothing of the process runs, and the deadline passes.
    process.kill(hurried.pid, 'SIGSTOP');
    await unlock();
    await sleep(DEADLINE_MS);
    process.kill(hurried.pid, 'SIGCONT');
    const answer = await asked;
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    await expect.poll(async () => (await passed()) - count).toBe(1);
    expect(await auditOf(hurried.databaseUrl, answer.requestId)).toEqual([]);
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
    const arriving = () => metric(replica, 'mandate_requests_in_flight', { lane: 'arriving' });
    const arrive = (many: number) => until(async () => (await arriving()) === many, 2_000);
    let slow: RawSocket[] = [];
    // Each has five seconds to arrive: where the machine is too busy for that, all begin anew.
    await until(async () => {
      for (const socket of slow) socket.destroy();
      await arrive(0);
      // The oldest by itself, and then all others at once.
      slow = [await sendHalf()];
      await arrive(1);
      slow.push(...(await Promise.all(Array.from({ length: 2 * PLACES - 1 }, sendHalf))));
      return arrive(slow.length);
    });
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
  const own = await createTestZone(replica, APPROVE_WRITES);
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
