import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rows, startReplica, createDatabase, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let receiver: Receiver;
let zone: TestZone;

beforeAll(async () => {
  receiver = await startReceiver();
  replica = await startReplica({ databaseUrl: await createDatabase(), env: ALLOW_ALL });
  zone = await createTestZone(replica);
});
afterAll(async () => {
  await replica?.stop();
  await receiver?.close();
});

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  persistently(() => callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body, headers));

interface Registered {
  readonly id: string;
  /** Its path below the receiver's URL. */
  readonly path: string;
  readonly at: string;
}

async function register(body: object = {}): Promise<Registered> {
  const path = `/${randomUUID()}`;
  const made = await zone.admin('POST', '/webhooks', { url: `${receiver.url}${path}`, ...body });
  return { id: String(made['id']), path, at: `/webhooks/${String(made['id'])}` };
}

const arrived = ({ path }: Registered) => receiver.received.filter((one) => one.path === path);

describe('a webhook', () => {
  test('is changed member by member, and found by name', async () => {
    const name = `told ${randomUUID()}`;
    const webhook = await register({ name, events: ['session.ended'] });
    const other = await register();
    const shown = await call('GET', webhook.at);
    expect(shown.body).toMatchObject({
      name,
      events: ['session.ended'],
      enabled: true,
      failure_count: 0,
    });
    const moved = `${receiver.url}/${randomUUID()}`;
    const changed = await call('PATCH', webhook.at, { url: moved, enabled: false });
    expect(changed.body).toEqual({
      ...shown.body,
      url: moved,
      enabled: false,
      updated_at: expect.any(String),
    });
    expect(changed.body['updated_at']).not.toBe(shown.body['updated_at']);
    const [row] = await zone.audit(changed.requestId);
    expect(row?.event).toMatchObject({
      type: 'admin.webhook.changed',
      before: { url: expect.stringContaining(webhook.path), enabled: true },
      after: { url: moved, enabled: false },
    });
    expect((await call('GET', `/webhooks?name=${encodeURIComponent(name)}`)).body['items']).toEqual(
      [changed.body],
    );
    expect(
      (await call('GET', `/webhooks?enabled=false&search=${randomUUID()}`)).body['items'],
    ).toEqual([]);
    const off = (await call('GET', '/webhooks?enabled=false')).body['items'];
    expect(off).toEqual([changed.body]);

    const taken = await call('PATCH', other.at, { name });
    expect([taken.status, taken.body['errors']]).toEqual([
      409,
      [{ field: 'name', message: 'it is taken', code: 'taken' }],
    ]);
    const bare = await call('PATCH', webhook.at, { name: null, events: null });
    expect(bare.body).not.toHaveProperty('name');
    expect(bare.body['events']).toEqual([]);
    expect((await call('PATCH', other.at, { name })).status).toBe(200);
  });

  test('is changed only as it was known, whatever has been delivered meanwhile', async () => {
    const webhook = await register();
    const tag = (await call('GET', webhook.at)).headers.get('etag') ?? '';
    receiver.answers.set(webhook.path, { status: 500 });
    expect((await call('POST', `${webhook.at}/test`)).status).toBe(202);
    // At least one: on a busy machine there may have been a second attempt by the time that somebody looks.
    await expect
      .poll(async () => (await call('GET', webhook.at)).body['failure_count'])
      .toBeGreaterThan(0);
    const condition = { 'if-match': tag };
    expect((await call('PATCH', webhook.at, { enabled: false }, condition)).status).toBe(200);
    for (const [method, path, body] of [
      ['PATCH', '', { enabled: true }],
      ['DELETE', '', undefined],
      ['DELETE', '?dry_run=true', undefined],
      ['POST', '/secret', undefined],
      ['POST', '/test', undefined],
      ['POST', '/replay', { from: '2026-01-01T00:00:00Z' }],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await call(method, `${webhook.at}${path}`, body, condition);
      expect([method, path, status]).toEqual([method, path, 412]);
    }
    expect((await call('GET', webhook.at)).body).toMatchObject({ enabled: false });
  });

  test('says what is lost with it, and loses it then', async () => {
    const webhook = await register();
    receiver.answers.set(webhook.path, { status: 500 });
    await call('POST', `${webhook.at}/test`);
    await expect.poll(() => arrived(webhook).length).toBeGreaterThan(0);
    const foreseen = await call('DELETE', `${webhook.at}?dry_run=true`);
    expect(foreseen.status).toBe(200);
    expect(foreseen.body).toEqual({
      dry_run: true,
      would: {
        delete: expect.objectContaining({ id: webhook.id }),
        affects: { waiting_deliveries: 1 },
      },
    });
    expect(await zone.audit(foreseen.requestId)).toEqual([]);
    const condition = { 'if-match': foreseen.headers.get('etag') ?? '' };
    expect((await call('DELETE', webhook.at, undefined, condition)).status).toBe(204);
    expect((await call('GET', webhook.at)).status).toBe(404);
  });

  test('counts the failures since it was reached', async () => {
    const webhook = await register();
    const failures = async () => (await call('GET', webhook.at)).body['failure_count'];
    receiver.answers.set(webhook.path, { status: 500 });
    await call('POST', `${webhook.at}/test`);
    await call('POST', `${webhook.at}/test`);
    await expect.poll(failures).toBeGreaterThan(1);
    receiver.answers.delete(webhook.path);
    await call('POST', `${webhook.at}/test`);
    await expect.poll(failures).toBe(0);
  });
});

describe('a replay', () => {
  const deliveries = (webhook: Registered, set: string) =>
    rows(replica.databaseUrl, `UPDATE webhook_deliveries SET ${set} WHERE webhook_id = $1`, [
      webhook.id,
    ]);
  /** Waits until what has arrived is on record as well, which would write its own end over whatever comes in between. */
  const recorded = async (webhook: Registered) => {
    const waiting =
      'SELECT 1 FROM webhook_deliveries WHERE webhook_id = $1 AND delivered_at IS NULL';
    await expect.poll(() => rows(replica.databaseUrl, waiting, [webhook.id])).toEqual([]);
  };

  test('sends again what was received or given up, under the same id', async () => {
    const webhook = await register();
    await call('POST', `${webhook.at}/test`);
    await expect.poll(() => arrived(webhook).length).toBe(1);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await expect
      .poll(async () => (await call('POST', `${webhook.at}/replay`, { from: since })).body)
      .toEqual({ replayed: 1 });
    await expect.poll(() => arrived(webhook).length).toBe(2);
    const [first, again] = arrived(webhook);
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.body).toBe(first?.body);
    await recorded(webhook);
    await deliveries(webhook, 'delivered_at = NULL, dead_at = now()');
    const only = { from: since, state: 'delivered' };
    expect((await call('POST', `${webhook.at}/replay`, only)).body).toEqual({ replayed: 0 });
    const other = { from: since, events: ['session.ended'] };
    expect((await call('POST', `${webhook.at}/replay`, other)).body).toEqual({ replayed: 0 });
    const before = { from: since, to: since };
    expect((await call('POST', `${webhook.at}/replay`, before)).body).toEqual({ replayed: 0 });
    const dead = await call('POST', `${webhook.at}/replay`, { from: since, state: 'dead' });
    expect(dead.body).toEqual({ replayed: 1 });
    await expect.poll(() => arrived(webhook).length).toBe(3);
    const [row] = await zone.audit(dead.requestId);
    expect(row?.event).toMatchObject({
      type: 'admin.webhook.replayed',
      webhook: { id: webhook.id },
      replayed: 1,
      from: since,
    });
  });

  test('goes on where it has stopped', async () => {
    const webhook = await register();
    // Where nothing listens, so what is put up again stays so.
    await call('PATCH', webhook.at, { url: 'http://127.0.0.1:9/' });
    await rows(
      replica.databaseUrl,
      `INSERT INTO webhook_deliveries (zone_id, id, webhook_id, event_type, payload, dead_at)
       SELECT $1, new_uuid_v7(), $2, 'webhook.test', '{}', now() FROM generate_series(1, 1100)`,
      [zone.zoneId, webhook.id],
    );
    const from = '1900-01-01T00:00:00Z';
    const first = (await call('POST', `${webhook.at}/replay`, { from })).body;
    expect(first).toEqual({ replayed: 1_000, next: expect.any(String) });
    const rest = await call('POST', `${webhook.at}/replay`, { from, after: first['next'] });
    expect(rest.body).toEqual({ replayed: 100 });
    expect((await call('POST', `${webhook.at}/replay`, { from })).body).toEqual({ replayed: 0 });
    await call('DELETE', webhook.at);
  });

  test('to a webhook that is switched off is refused, and what it has received stays received', async () => {
    const webhook = await register();
    await call('POST', `${webhook.at}/test`);
    const received = async () =>
      (await call('GET', `${webhook.at}/deliveries?state=delivered`)).body['items'];
    await expect.poll(received).toHaveLength(1);
    await call('PATCH', webhook.at, { enabled: false });
    const from = '1900-01-01T00:00:00Z';
    expect((await call('POST', `${webhook.at}/replay`, { from })).status).toBe(409);
    expect(await received()).toHaveLength(1);
  });

  test.each([
    [{}, 'from'],
    [{ from: 'yesterday' }, 'from'],
    [{ from: '2026-01-01T00:00:00+16:00' }, 'from'],
    [{ from: '2026-01-01T00:00:00Z', to: 5 }, 'to'],
    [{ from: '2026-01-01T00:00:00Z', events: ['no.such'] }, 'events'],
    [{ from: '2026-01-01T00:00:00Z', state: 'pending' }, 'state'],
    [{ from: '2026-01-01T00:00:00Z', after: 'x' }, 'after'],
  ])('of %j is refused', async (body, member) => {
    const webhook = await register();
    const { status, body: refusal } = await call('POST', `${webhook.at}/replay`, body);
    expect([status, refusal['error_description']]).toEqual([400, expect.stringContaining(member)]);
  });
});
