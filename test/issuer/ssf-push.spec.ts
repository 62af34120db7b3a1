import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  createDatabase,
  rows,
  startReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Received, type Receiver } from '../setup/receiver.js';
import {
  eventOf,
  newSignalReceiver,
  SESSION_REVOKED,
  STREAM_UPDATED,
  VERIFICATION,
  type SignalReceiver,
} from '../setup/signal-receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';
import { createZonesBeside } from '../setup/zones-beside.js';

const PATIENCE = { interval: 50 };
const PUSH = 'urn:ietf:rfc:8935';

let a: Replica;
let b: Replica;
let zone: TestZone;
let server: Receiver;
let receiver: SignalReceiver;
/** Where the receiver of a test has its events pushed to. */
let path: string;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  server = await startReceiver();
  [a, b] = await Promise.all([
    startReplica({ databaseUrl, env: ALLOW_ALL }),
    startReplica({ databaseUrl, env: ALLOW_ALL }),
  ]);
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  await server?.close();
});
beforeEach(async () => {
  zone = await createTestZone(a);
  receiver = await newSignalReceiver(zone);
  path = `/${randomUUID()}`;
});

async function create(url = `${server.url}${path}`, of = receiver, more: object = {}) {
  const made = await of.call('POST', 'configuration_endpoint', {
    delivery: { method: PUSH, endpoint_url: url, ...more },
  });
  expect(made.status).toBe(201);
  return String(made.body['stream_id']);
}

const arrived = (at = path): Received[] => server.received.filter((one) => one.path === at);
const jtis = (at = path) => arrived(at).map(({ body }) => decodeJwt(body).jti);

/** Lets events happen in a zone, which say their numbers. */
const happen = (count: number, of = zone, at = a) =>
  rows(
    at.databaseUrl,
    `SELECT ssf_event($1, '${SESSION_REVOKED}', '{"format":"opaque","id":"x"}', jsonb_build_object('n', n))
       FROM generate_series(1, $2::integer) AS n`,
    [of.zoneId, count],
  );
const numbers = (at = path) =>
  arrived(at).map(({ body }) => {
    const { events } = decodeJwt<{ events: Record<string, { n: number }> }>(body);
    return events[SESSION_REVOKED]?.n;
  });

const streamRow = async (id: string, at = a) => {
  const [row] = await rows<{
    status: string;
    status_reason: string | null;
    attempts: number;
    last_error: string | null;
    held: number;
  }>(
    at.databaseUrl,
    `SELECT status, status_reason, attempts, last_error,
            (SELECT count(*)::integer FROM ssf_deliveries d
              WHERE d.zone_id = s.zone_id AND d.stream_id = s.id) AS held
       FROM ssf_streams s WHERE id = $1`,
    [id],
  );
  return row;
};
const hurry = (id: string, attempts?: number) =>
  rows(
    a.databaseUrl,
    'UPDATE ssf_streams SET due_at = now(), attempts = coalesce($2, attempts) WHERE id = $1',
    [id, attempts ?? null],
  );

describe('the flow of the CAEP Interoperability Profile, by push', () => {
  test('a stream is created, verified, told of a revoked session, and deleted', async () => {
    const id = await create(undefined, undefined, { authorization_header: 'Bearer let-me-in' });
    const state = 'x'.repeat(1_000);
    await receiver.call('POST', 'verification_endpoint', { stream_id: id, state });
    await expect.poll(() => arrived().length, PATIENCE).toBe(1);
    const [first] = arrived();
    expect(first?.headers).toMatchObject({
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      authorization: 'Bearer let-me-in',
    });
    const verification = await receiver.verify(first?.body ?? '');
    expect(verification.events).toEqual({ [VERIFICATION]: { state } });

    const opened = await persistently(() => zone.session());
    const sid = String(decodeJwt(String(opened.body['access_token']))['sid']);
    await persistently(() => callAdmin(b, 'DELETE', `/zones/${zone.zoneId}/sessions/${sid}`));
    await expect.poll(() => arrived().length, PATIENCE).toBe(2);
    const revoked = await receiver.verify(arrived()[1]?.body ?? '');
    expect(revoked.sub_id).toMatchObject({ session: { format: 'opaque', id: sid } });
    expect(eventOf(revoked)[0]).toBe(SESSION_REVOKED);
    await expect.poll(async () => (await streamRow(id))?.held, PATIENCE).toBe(0);

    await receiver.call('DELETE', 'configuration_endpoint', undefined, {
      query: `?stream_id=${id}`,
    });
    expect(await streamRow(id)).toBeUndefined();
    // What is pushed cannot be fetched, nor what is gone.
    expect((await receiver.poll(id)).status).toBe(404);
  });
});

describe('a push', () => {
  test('comes in order and once, by two replicas', async () => {
    const id = await create();
    await happen(120);
    await expect.poll(async () => arrived().length, PATIENCE).toBe(120);
    await expect.poll(async () => (await streamRow(id))?.held, PATIENCE).toBe(0);
    expect(numbers()).toEqual(Array.from({ length: 120 }, (_none, n) => n + 1));
    expect(new Set(jtis()).size).toBe(120);
  });

  test.each([
    ['an error', { status: 500 }, 'the answer was 500'],
    ['a refusal', { status: 400 }, 'the answer was 400'],
    ['a redirect', { status: 307, headers: { location: '/elsewhere' } }, 'the answer was 307'],
  ])('comes again after %s, as the same token and before any other', async (_w, answer, why) => {
    const id = await create();
    server.answers.set(path, answer);
    await happen(2);
    await expect
      .poll(async () => streamRow(id), PATIENCE)
      .toMatchObject({ attempts: 1, last_error: why, held: 2, status: 'enabled' });
    server.answers.delete(path);
    await hurry(id);
    await expect
      .poll(async () => streamRow(id), PATIENCE)
      .toMatchObject({ held: 0, attempts: 0, last_error: null });
    expect(numbers()).toEqual([1, 1, 2]);
    expect(jtis()[1]).toBe(jtis()[0]);
    expect(arrived('/elsewhere')).toEqual([]);
  });

  test('that is never answered holds up no other receiver', async () => {
    await create();
    server.answers.set(path, null);
    await happen(10);
    await expect.poll(() => arrived().length, PATIENCE).toBe(1);
    const others = await startReceiver();
    onTestFinished(() => others.close());
    const next = await newSignalReceiver(zone);
    await create(others.url, next);
    await happen(1);
    await expect.poll(() => others.received.length, PATIENCE).toBe(1);
    // One stream has one push under way.
    expect(arrived().length).toBe(1);
  });

  test('is told what was wrong by its receiver, and reads no more than that takes', async () => {
    const hostile = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.writeHead(400, { 'content-type': 'application/json' });
        if (request.url === '/said') {
          response.end(JSON.stringify({ err: 'invalid_key', description: 'no such key' }));
          return;
        }
        const more = (): void => {
          while (response.write('x'.repeat(65_536)));
        };
        response.on('drain', more).on('error', () => {});
        more();
      });
    });
    await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
    onTestFinished(
      () =>
        new Promise((resolve) => {
          hostile.closeAllConnections();
          hostile.close(() => resolve());
        }),
    );
    const { port } = hostile.address() as AddressInfo;
    const id = await create(`http://127.0.0.1:${port}/said`);
    const endless = await newSignalReceiver(zone);
    const other = await create(`http://127.0.0.1:${port}/endless`, endless);
    await happen(1);
    await expect
      .poll(async () => (await streamRow(id))?.last_error, PATIENCE)
      .toBe('invalid_key: no such key');
    await expect
      .poll(async () => (await streamRow(other))?.last_error, PATIENCE)
      .toBe('the answer was 400');
  });

  test('that fails for too long pauses the stream, which says so, and loses nothing', async () => {
    const id = await create();
    server.answers.set(path, { status: 503 });
    await happen(1);
    await expect.poll(async () => (await streamRow(id))?.attempts, PATIENCE).toBe(1);
    await hurry(id, 7);
    await expect
      .poll(async () => streamRow(id), PATIENCE)
      .toMatchObject({
        status: 'paused',
        status_reason: 'The receiver has not taken events: the answer was 503',
        held: 2,
      });
    await happen(1);
    await expect.poll(async () => (await streamRow(id))?.held, PATIENCE).toBe(3);
    // It was told that it was paused, once, and is told nothing else.
    const types = () =>
      arrived().map(({ body }) => Object.keys(decodeJwt(body)['events'] as object)[0]);
    await expect
      .poll(() => types().filter((type) => type === STREAM_UPDATED).length, PATIENCE)
      .toBe(1);
    server.answers.delete(path);
    const shown = await receiver.call('GET', 'status_endpoint', undefined, {
      query: `?stream_id=${id}`,
    });
    expect(shown.body).toMatchObject({ status: 'paused', reason: expect.stringMatching(/503/) });
    await receiver.call('POST', 'status_endpoint', { stream_id: id, status: 'enabled' });
    await expect.poll(async () => (await streamRow(id))?.held, PATIENCE).toBe(0);
    expect(types().slice(-3)).toEqual(
      expect.arrayContaining([SESSION_REVOKED, SESSION_REVOKED, STREAM_UPDATED]),
    );
  });

  test('goes to another place with no secret of the one before', async () => {
    const id = await create(undefined, undefined, { authorization_header: 'Bearer old-place' });
    const elsewhere = `/${randomUUID()}`;
    const patched = await receiver.call('PATCH', 'configuration_endpoint', {
      stream_id: id,
      delivery: { method: PUSH, endpoint_url: `${server.url}${elsewhere}` },
    });
    expect(patched.status).toBe(200);
    await happen(1);
    await expect.poll(() => arrived(elsewhere).length, PATIENCE).toBe(1);
    expect(arrived(elsewhere)[0]?.headers).not.toHaveProperty('authorization');
    expect(arrived()).toEqual([]);
  });
});

test('a private address is not pushed to, and that is visible', async () => {
  const strict = await startReplicaForTest({ env: { ALLOW_INSECURE_FETCH: 'true' } });
  const own = await createTestZone(strict);
  const client = await newSignalReceiver(own);
  const id = await create(undefined, client);
  await happen(1, own, strict);
  await expect
    .poll(async () => (await streamRow(id, strict))?.last_error, PATIENCE)
    .toBe('the name leads to an address that is not allowed');
  expect(arrived()).toEqual([]);
});

test('what a server had begun to push when it was killed is pushed by the next one', async () => {
  const databaseUrl = await createDatabase();
  const victim = await startReplica({ databaseUrl, env: ALLOW_ALL });
  const own = await createTestZone(victim);
  const client = await newSignalReceiver(own);
  const id = await create(undefined, client);
  server.answers.set(path, null);
  await happen(2, own, victim);
  await expect.poll(() => arrived().length, PATIENCE).toBe(1);
  await victim.stop('SIGKILL');
  server.answers.delete(path);
  const next = await startReplicaForTest({ databaseUrl, env: ALLOW_ALL });
  expect(await streamRow(id, next)).toMatchObject({ held: 2 });
  // The lease of the dead one, without waiting for it.
  await rows(databaseUrl, 'UPDATE ssf_streams SET due_at = now()');
  await expect.poll(() => numbers(), PATIENCE).toEqual([1, 1, 2]);
  expect(jtis()[1]).toBe(jtis()[0]);
});

test('ten thousand events of one zone delay those of another by no more than one look', async () => {
  const [quiet = zone] = await createZonesBeside(zone, 1);
  const home = await databaseOf(a.databaseUrl, zone.zoneId);
  const listener = await newSignalReceiver(quiet);
  const kept = async (of: SignalReceiver) =>
    String((await of.call('POST', 'configuration_endpoint', {})).body['stream_id']);
  const heard = await kept(listener);
  const flooded = await kept(receiver);
  // Those of the flood come first, and all of them at once.
  await rows(
    home,
    `SELECT ssf_event(zone, '${SESSION_REVOKED}', '{"format":"opaque","id":"x"}', jsonb_build_object('n', n))
       FROM (SELECT $1::uuid AS zone, n FROM generate_series(1, 9900) AS n UNION ALL SELECT $2::uuid, 1) AS flood`,
    [zone.zoneId, quiet.zoneId],
  );
  await expect.poll(async () => (await streamRow(flooded))?.held, { interval: 100 }).toBe(9_900);
  // The places in all streams together are in the order in which something was put there.
  const [row] = await rows<{ before: number }>(
    home,
    `SELECT count(*)::integer AS before FROM ssf_deliveries f
      WHERE f.stream_id = $1 AND f.seq < (SELECT q.seq FROM ssf_deliveries q WHERE q.stream_id = $2)`,
    [flooded, heard],
  );
  // What each of two replicas has taken of the flood in the look that it came in.
  expect(row?.before).toBeLessThanOrEqual(1_000);
});

describe('a stream that nobody fetches from', () => {
  test('stops when too much waits, says so as its last event, and goes on when it is enabled', async () => {
    const made = await receiver.call('POST', 'configuration_endpoint', {});
    const id = String(made.body['stream_id']);
    await happen(10_600);
    await expect
      .poll(async () => streamRow(id), { interval: 100 })
      .toMatchObject({
        status: 'paused',
        status_reason: expect.stringMatching(/^More than 10000/),
      });
    await expect
      .poll(async () => (await rows(a.databaseUrl, 'SELECT 1 FROM ssf_outbox LIMIT 1')).length, {
        interval: 100,
      })
      .toBe(0);
    const held = (await streamRow(id))?.held ?? 0;
    // One look more than may wait, at most.
    expect(held).toBeGreaterThan(10_000);
    expect(held).toBeLessThanOrEqual(10_501);
    const [updated, ...more] = await receiver.sets(await receiver.poll(id));
    expect(more).toEqual([]);
    expect(updated && eventOf(updated)).toMatchObject([STREAM_UPDATED, { status: 'paused' }]);
    await receiver.call('POST', 'status_endpoint', { stream_id: id, status: 'enabled' });
    const answer = await receiver.poll(id, { maxEvents: 3 });
    expect(answer.body['moreAvailable']).toBe(true);
    expect((await receiver.sets(answer)).map((set) => eventOf(set)[1]['n'])).toEqual([1, 2, 3]);
  });

  test('stops after seven days, and is disabled thirty days later', async () => {
    const made = await receiver.call('POST', 'configuration_endpoint', {});
    const id = String(made.body['stream_id']);
    await happen(1);
    await expect.poll(async () => (await streamRow(id))?.held, PATIENCE).toBe(1);
    const home = await databaseOf(a.databaseUrl, zone.zoneId);
    const older = (days: number) =>
      rows(
        home,
        `UPDATE ssf_deliveries SET created_at = created_at - make_interval(days => $2) WHERE stream_id = $1`,
        [id, days],
      );
    const look = () => rows(home, 'SELECT ssf_stop_forgotten(7, 30)');
    await older(6);
    await look();
    expect(await streamRow(id)).toMatchObject({ status: 'enabled' });
    await older(2);
    await look();
    expect(await streamRow(id)).toMatchObject({
      status: 'paused',
      status_reason: expect.stringMatching(/^Events wait for more than 7 days/),
      held: 2,
    });
    await rows(
      home,
      `UPDATE ssf_streams SET dropping_since = dropping_since - interval '31 days' WHERE id = $1`,
      [id],
    );
    await look();
    expect(await streamRow(id)).toMatchObject({ status: 'disabled', held: 1 });
    const [told] = await receiver.sets(await receiver.poll(id));
    expect(told && eventOf(told)).toMatchObject([STREAM_UPDATED, { status: 'disabled' }]);
  });
});
