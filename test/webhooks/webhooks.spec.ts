import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import {
  createDatabase,
  rows,
  startReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { maintain } from '../setup/maintain.js';
import { startReceiver, type Received, type Receiver } from '../setup/receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };

let a: Replica;
let b: Replica;
let zone: TestZone;
let receiver: Receiver;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  receiver = await startReceiver();
  [a, b] = await Promise.all([
    startReplica({ databaseUrl, env: ALLOW_ALL }),
    startReplica({ databaseUrl, env: ALLOW_ALL }),
  ]);
  zone = await newZone();
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  await receiver?.close();
});

async function newZone(replica = a): Promise<TestZone> {
  const made = await createTestZone(replica, APPROVE_WRITES);
  return made;
}

interface TestWebhook {
  readonly id: string;
  readonly secret: string;
  readonly path: string;
  /** What has arrived, of one type if that is given. */
  arrived(type?: string): Received[];
  deliveries(state?: string): Promise<Record<string, unknown>[]>;
}

async function newWebhook(body: object = {}, of = zone): Promise<TestWebhook> {
  const path = `/${randomUUID()}`;
  const made = await of.admin('POST', '/webhooks', { url: `${receiver.url}${path}`, ...body });
  const id = String(made['id']);
  return {
    id,
    secret: String(made['secret']),
    path,
    arrived: (type) =>
      receiver.received.filter(
        (one) => one.path === path && (type === undefined || JSON.parse(one.body).type === type),
      ),
    deliveries: async (state) => {
      const query = state === undefined ? '' : `&state=${state}`;
      const page = await of.admin('GET', `/webhooks/${id}/deliveries?limit=500${query}`);
      return page['items'] as Record<string, unknown>[];
    },
  };
}

let turn = 0;
async function newChallenge(of = zone) {
  turn += 1;
  const parameters = { scope: 'a:write', ttl_seconds: String(60 + turn) };
  const held = heldIn(await of.session(parameters));
  return { ...held, redeem: () => of.session({ ...parameters, ...held.response }) };
}

const decide = (id: string, decision = 'approved', of = zone) =>
  of.admin('POST', `/challenges/${id}/decision`, { decision, reason: 'x' });

/** Makes what is to be tried again due now, instead of waiting for it. */
const hurry = (webhook: TestWebhook) =>
  rows(
    a.databaseUrl,
    `UPDATE webhook_deliveries SET due_at = now() WHERE webhook_id = $1 AND delivered_at IS NULL AND dead_at IS NULL`,
    [webhook.id],
  );

describe('webhooks', () => {
  test('are told of a challenge from the beginning to the end, signed', async () => {
    const webhook = await newWebhook();
    const challenge = await newChallenge();
    await decide(challenge.id);
    expect((await challenge.redeem()).status).toBe(200);
    await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(3);
    const told = webhook.arrived().map(({ headers, body }) => ({
      id: headers['webhook-id'],
      // Throws unless the signature is right.
      event: new Webhook(webhook.secret).verify(body, { ...headers }) as Record<string, unknown>,
    }));
    expect(
      told.map(({ event }) => String(event['type'])).toSorted((x, y) => x.localeCompare(y)),
    ).toEqual(['challenge.approved', 'challenge.consumed', 'challenge.created']);
    expect(new Set(told.map(({ id }) => id)).size).toBe(3);
    const created = told.find(({ event }) => event['type'] === 'challenge.created')?.event;
    expect(created).toMatchObject({
      timestamp: expect.stringMatching(/Z$/),
      data: {
        zone_id: zone.zoneId,
        challenge_id: challenge.id,
        challenge_type: 'approval',
        binding: expect.stringMatching(/^[0-9a-f]{64}$/),
        request: { client_id: zone.clientId, scopes: ['a:write'] },
        decision: null,
      },
    });
    expect(JSON.stringify(told)).not.toContain(challenge.response.challenge_response);
    await expect.poll(async () => (await webhook.deliveries('delivered')).length, PATIENCE).toBe(3);
  });

  test('are told of rejections, of what they want, and of nothing in other zones', async () => {
    const other = await newZone();
    const elsewhere = await newWebhook({}, other);
    const rejections = await newWebhook({ events: ['challenge.rejected'] });
    const challenge = await newChallenge();
    await decide(challenge.id, 'rejected');
    await expect.poll(() => rejections.arrived().length, PATIENCE).toBe(1);
    expect(JSON.parse(rejections.arrived()[0]?.body ?? '')).toMatchObject({
      type: 'challenge.rejected',
      data: { challenge_id: challenge.id, decision: 'rejected' },
    });
    expect(elsewhere.arrived()).toEqual([]);
    expect(await elsewhere.deliveries()).toEqual([]);
  });

  test('are not told of what did not happen', async () => {
    const webhook = await newWebhook();
    // Refused, so nothing was opened.
    expect((await zone.session({ scope: 'unknown' })).status).toBe(400);
    await newChallenge();
    await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(1);
  });

  test('are told once by two replicas', async () => {
    const webhook = await newWebhook({ events: ['challenge.created'] });
    for (let i = 0; i < 12; i += 1) await newChallenge();
    await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(12);
    // What is marked as delivered is sent by nobody any more.
    await expect
      .poll(async () => (await webhook.deliveries('delivered')).length, PATIENCE)
      .toBe(12);
    const ids = webhook.arrived().map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size]).toEqual([12, 12]);
  });

  test.each([
    ['an error', { status: 500 }, 'the answer was 500'],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, 'the answer was 302'],
  ])('are told again after %s, as the same message', async (_name, answer, error) => {
    const webhook = await newWebhook({ events: ['challenge.created'] });
    receiver.answers.set(webhook.path, answer);
    await newChallenge();
    await expect
      .poll(async () => (await webhook.deliveries('pending'))[0]?.['last_error'], PATIENCE)
      .toBe(error);
    expect(receiver.received.some(({ path }) => path === '/elsewhere')).toBe(false);
    receiver.answers.delete(webhook.path);
    await hurry(webhook);
    await expect.poll(async () => (await webhook.deliveries('delivered')).length, PATIENCE).toBe(1);
    expect((await webhook.deliveries())[0]).toMatchObject({ attempts: 2, last_error: null });
    const ids = webhook.arrived().map(({ headers }) => headers['webhook-id']);
    expect(ids[1]).toBe(ids[0]);
  });

  test('that are slow hold up no others', async () => {
    const slow = await newWebhook({ events: ['challenge.created'] });
    receiver.answers.set(slow.path, null);
    for (let i = 0; i < 10; i += 1) await newChallenge();
    await expect.poll(() => receiver.mostAtOnce(slow.path), PATIENCE).toBeGreaterThanOrEqual(4);
    const other = await startReceiver();
    await zone.admin('POST', '/webhooks', { url: other.url, events: ['challenge.created'] });
    await newChallenge();
    await expect.poll(() => other.received.length, PATIENCE).toBe(1);
    await other.close();
    // No more than four at once, by each of two replicas.
    expect(receiver.mostAtOnce(slow.path)).toBeLessThanOrEqual(8);
    await zone.admin('DELETE', `/webhooks/${slow.id}`);
  });

  test('are given up after eight attempts, and can be tried again by hand', async () => {
    const webhook = await newWebhook({ events: ['challenge.created'] });
    receiver.answers.set(webhook.path, { status: 503 });
    await newChallenge();
    // What came of an attempt is on record later than it arrives, and would be written over this.
    await expect
      .poll(async () => (await webhook.deliveries('pending'))[0]?.['last_error'], PATIENCE)
      .toBe('the answer was 503');
    await rows(
      a.databaseUrl,
      'UPDATE webhook_deliveries SET attempts = 7, due_at = now() WHERE webhook_id = $1',
      [webhook.id],
    );
    await expect.poll(async () => (await webhook.deliveries('dead')).length, PATIENCE).toBe(1);
    const [dead] = await webhook.deliveries('dead');
    expect(dead).toMatchObject({ attempts: 8, last_error: 'the answer was 503' });
    receiver.answers.delete(webhook.path);
    await zone.admin('POST', `/webhooks/${webhook.id}/deliveries/${String(dead?.['id'])}/retry`);
    await expect.poll(async () => (await webhook.deliveries('delivered')).length, PATIENCE).toBe(1);
    const again = await callAdmin(
      a,
      'POST',
      `/zones/${zone.zoneId}/webhooks/${webhook.id}/deliveries/${String(dead?.['id'])}/retry`,
    );
    expect(again.status).toBe(409);
  });

  test('that are gone are told nothing more', async () => {
    const webhook = await newWebhook({ events: ['challenge.created'] });
    receiver.answers.set(webhook.path, { status: 410 });
    await newChallenge();
    await expect.poll(async () => (await webhook.deliveries('dead')).length, PATIENCE).toBe(1);
    expect(await zone.admin('GET', `/webhooks/${webhook.id}`)).toMatchObject({ enabled: false });
    await newChallenge();
    expect(await webhook.deliveries()).toHaveLength(1);
    receiver.answers.delete(webhook.path);
    await zone.admin('PATCH', `/webhooks/${webhook.id}`, { enabled: true });
    await newChallenge();
    await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(2);
  });

  test('can change over to another secret', async () => {
    const webhook = await newWebhook();
    const { secret } = await zone.admin('POST', `/webhooks/${webhook.id}/secret`);
    await zone.admin('POST', `/webhooks/${webhook.id}/test`);
    await expect.poll(() => webhook.arrived('webhook.test').length, PATIENCE).toBe(1);
    const [{ headers, body } = { headers: {}, body: '' }] = webhook.arrived('webhook.test');
    new Webhook(webhook.secret).verify(body, { ...headers });
    new Webhook(String(secret)).verify(body, { ...headers });
    await rows(a.databaseUrl, 'UPDATE webhooks SET previous_until = now() WHERE id = $1', [
      webhook.id,
    ]);
    await zone.admin('POST', `/webhooks/${webhook.id}/test`);
    await expect.poll(() => webhook.arrived('webhook.test').length, PATIENCE).toBe(2);
    const later = webhook.arrived('webhook.test')[1];
    new Webhook(String(secret)).verify(later?.body ?? '', { ...later?.headers });
    expect(() =>
      new Webhook(webhook.secret).verify(later?.body ?? '', { ...later?.headers }),
    ).toThrow();
  });

  test('tell their secrets once, and no audit row or log does', async () => {
    const webhook = await newWebhook();
    const audit = await rows(
      a.databaseUrl,
      `SELECT audit_event(a) AS event FROM audit_events a WHERE type LIKE 'admin.webhook%'`,
    );
    expect(audit.length).toBeGreaterThan(0);
    const shown = JSON.stringify([
      await zone.admin('GET', '/webhooks?limit=500'),
      await zone.admin('GET', `/webhooks/${webhook.id}`),
      audit,
      a.logs(),
    ]);
    expect(shown).not.toContain(webhook.secret.slice('whsec_'.length));
    expect(webhook.secret).toMatch(/^whsec_/);
  });

  test.each([
    ['no URL', { url: 'x' }],
    ['another scheme', { url: 'ftp://example.org' }],
    ['credentials', { url: 'https://a:b@example.org' }],
    ['a fragment', { url: 'https://example.org/#a' }],
    ['an unknown event', { url: 'https://example.org', events: ['challenge.lost'] }],
    ['no target', { url: undefined }],
  ])('cannot be registered with %s', async (_name, body) => {
    const answer = await callAdmin(a, 'POST', `/zones/${zone.zoneId}/webhooks`, body);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('are those of one zone', async () => {
    const { id } = await newWebhook();
    const other = await newZone();
    for (const path of ['', '/deliveries']) {
      const answer = await callAdmin(a, 'GET', `/zones/${other.zoneId}/webhooks/${id}${path}`);
      expect(answer.status).toBe(404);
    }
    for (const path of ['/secret', '/test', `/deliveries/${randomUUID()}/retry`]) {
      const answer = await callAdmin(a, 'POST', `/zones/${other.zoneId}/webhooks/${id}${path}`);
      expect(answer.status).toBe(404);
    }
  });
});

test('a private address is not sent to, and that is visible', async () => {
  const strict = await startReplicaForTest({ env: { ALLOW_INSECURE_FETCH: 'true' } });
  const own = await newZone(strict);
  const webhook = await newWebhook({}, own);
  await newChallenge(own);
  await expect
    .poll(async () => (await webhook.deliveries('pending'))[0]?.['last_error'], PATIENCE)
    .toBe('the name leads to an address that is not allowed');
  expect(webhook.arrived()).toEqual([]);
});

test('what a server had begun to send when it was killed is sent by the next one', async () => {
  const databaseUrl = await createDatabase();
  const victim = await startReplica({ databaseUrl, env: ALLOW_ALL });
  const own = await newZone(victim);
  const webhook = await newWebhook({ events: ['challenge.created'] }, own);
  receiver.answers.set(webhook.path, null);
  const { id } = await newChallenge(own);
  await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(1);
  await victim.stop('SIGKILL');
  receiver.answers.delete(webhook.path);
  // The lease of the dead one, without waiting for it.
  const [leased] = await rows<{ later: boolean }>(
    databaseUrl,
    'SELECT due_at > now() AS later FROM webhook_deliveries WHERE delivered_at IS NULL',
  );
  expect(leased).toEqual({ later: true });
  await startReplicaForTest({ databaseUrl, env: ALLOW_ALL });
  await rows(databaseUrl, 'UPDATE webhook_deliveries SET due_at = now()');
  await expect.poll(() => webhook.arrived().length, PATIENCE).toBe(2);
  const [first, second] = webhook.arrived();
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(JSON.parse(second?.body ?? '')).toMatchObject({ data: { challenge_id: id } });
});

describe('a receiver that never answers', () => {
  test('is sent four at once by a replica, however many webhooks it has and however they come', async () => {
    const replica = await startReplicaForTest({ env: ALLOW_ALL });
    const [silent, quick] = await Promise.all([startReceiver(), startReceiver()]);
    try {
      const [own, other] = [await newZone(replica), await newZone(replica)];
      // The same receiver, written in another way, and for another zone.
      const urls = [`${silent.url}/1`, `${silent.url.replace('http:', 'HTTP:')}/2`];
      const ids: string[] = [];
      for (const [i, of] of [own, other].entries()) {
        silent.answers.set(`/${i + 1}`, null);
        const { id } = await of.admin('POST', '/webhooks', { url: urls[i] });
        ids.push(String(id));
      }
      const tell = (of: TestZone, id: unknown) => of.admin('POST', `/webhooks/${String(id)}/test`);
      for (let i = 0; i < 3; i += 1) await tell(own, ids[0]);
      await expect.poll(() => silent.mostAtOnce(), PATIENCE).toBe(3);
      // More than there are places left, of either.
      for (let i = 0; i < 6; i += 1) {
        await tell(own, ids[0]);
        await tell(other, ids[1]);
      }
      await expect.poll(() => silent.mostAtOnce(), PATIENCE).toBe(4);
      // Others are told meanwhile: each of these is a look into the outbox that has taken nothing for the silent one.
      const { id } = await own.admin('POST', '/webhooks', { url: `${quick.url}/3` });
      for (let i = 1; i <= 3; i += 1) {
        await tell(own, id);
        await expect.poll(() => quick.received.length, PATIENCE).toBe(i);
      }
      expect(silent.mostAtOnce()).toBe(4);
    } finally {
      await Promise.all([silent.close(), quick.close()]);
    }
  });
});

test('what nobody can be told any more is given up, and its day goes', async () => {
  const { databaseUrl } = a;
  const own = await newZone();
  const [off, resting, on] = [
    await newWebhook({}, own),
    await newWebhook({}, own),
    await newWebhook({}, own),
  ];
  for (const { id } of [off, resting])
    await own.admin('PATCH', `/webhooks/${id}`, { enabled: false });
  // As it would be five days later, for one of them on the day after it was switched off.
  await rows(
    databaseUrl,
    `CREATE TABLE webhook_deliveries_20200101 PARTITION OF webhook_deliveries FOR VALUES
       FROM (uuid_from_time('2020-01-01 00:00Z')) TO (uuid_from_time('2020-01-02 00:00Z'))`,
  );
  const pending = (webhook: TestWebhook, id: string, age: string, due: string) =>
    rows(
      databaseUrl,
      `INSERT INTO webhook_deliveries (zone_id, id, webhook_id, event_type, payload, created_at, due_at)
       VALUES ($1, ${id}, $2, 'webhook.test', '{}', now() - $3::interval, now() + $4::interval)`,
      [own.zoneId, webhook.id, age, due],
    );
  const long = `uuid_from_time('2020-01-01 12:00Z')`;
  await pending(off, long, '1 hour', '0');
  await pending(resting, 'new_uuid_v7()', '1 hour', '0');
  await pending(on, 'new_uuid_v7()', '73 hours', '1 hour');
  await pending(on, 'new_uuid_v7()', '71 hours', '1 hour');
  // Given up long ago, and put up again just now.
  const again = await newWebhook({}, own);
  receiver.answers.set(again.path, { status: 500 });
  await pending(again, 'new_uuid_v7()', '80 hours', '1 hour');
  await rows(databaseUrl, 'UPDATE webhook_deliveries SET dead_at = now() WHERE webhook_id = $1', [
    again.id,
  ]);
  const dead = { from: '2020-01-02T00:00:00Z', state: 'dead' };
  expect(await own.admin('POST', `/webhooks/${again.id}/replay`, dead)).toEqual({ replayed: 1 });
  const switchedOff = `UPDATE webhooks SET disabled_at = now() - $2::interval WHERE id = $1`;
  await rows(databaseUrl, switchedOff, [off.id, '25 hours']);
  await rows(databaseUrl, switchedOff, [resting.id, '23 hours']);

  // One that has just started looks at once.
  await startReplicaForTest({ databaseUrl, env: ALLOW_ALL });
  const states = (webhook: TestWebhook) =>
    rows(
      databaseUrl,
      `SELECT dead_at IS NOT NULL AS dead, last_error AS why FROM webhook_deliveries
        WHERE webhook_id = $1 ORDER BY created_at`,
      [webhook.id],
    );
  await expect
    .poll(() => states(off), PATIENCE)
    .toEqual([{ dead: true, why: 'the webhook was switched off' }]);
  expect(await states(on)).toEqual([
    { dead: true, why: 'it was not received within three days' },
    { dead: false, why: null },
  ]);
  // Nothing that is to be received is in that day any more.
  await maintain(databaseUrl);
  const day = `SELECT to_regclass('webhook_deliveries_20200101') IS NULL AS gone`;
  expect(await rows(databaseUrl, day)).toEqual([{ gone: true }]);
  // One that is switched on again in time has what it was not told.
  expect(await states(resting)).toEqual([{ dead: false, why: null }]);
  expect(await states(again)).toMatchObject([{ dead: false }]);
  expect(resting.arrived()).toEqual([]);
  const on2 = await callAdmin(a, 'PATCH', `/zones/${own.zoneId}/webhooks/${resting.id}`, {
    enabled: true,
  });
  expect(on2.status).toBe(200);
  await expect.poll(() => resting.arrived().length, PATIENCE).toBe(1);
});
