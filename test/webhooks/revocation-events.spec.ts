import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { rotate } from '../setup/keys.js';
import { order } from '../setup/orders.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };
const TYPES = ['revocation.ordered', 'session.ended', 'client.disabled', 'signing_key.withdrawn'];

let replica: Replica;
let zone: TestZone;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  replica = await startReplica({ env: ALLOW_ALL });
  zone = await createTestZone(replica);
});
afterAll(async () => {
  await replica?.stop();
  await receiver?.close();
});

interface Event {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

async function newWebhook(body: object = {}, of = zone) {
  const path = `/${randomUUID()}`;
  await of.admin('POST', '/webhooks', { url: `${receiver.url}${path}`, ...body });
  return {
    arrived: () =>
      receiver.received
        .filter((one) => one.path === path)
        .map(({ body: text }) => JSON.parse(text) as Event),
  };
}

const sql = (text: string, values: readonly unknown[]) =>
  rows(replica.databaseUrl, text, [...values]);

const openSessions = (of: TestZone, many: number) =>
  sql(
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', clock_timestamp() + interval '1 hour'
       FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, $3)) AS n RETURNING id`,
    [of.zoneId, of.clientId, many],
  );

const endAll = (of: TestZone) =>
  sql('UPDATE sessions SET ended_at = now() WHERE zone_id = $1 AND ended_at IS NULL', [of.zoneId]);

test('webhooks that name what was taken back are told of it, and no others', async () => {
  const told = await newWebhook({ events: TYPES });
  const all = await newWebhook();
  const { clientId } = await zone.newClient();
  await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
  // Once more is nothing new.
  await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
  const [session] = await openSessions(zone, 1);
  await endAll(zone);
  await endAll(zone);
  const [key] = await sql('SELECT kid, alg FROM signing_keys WHERE zone_id = $1', [zone.zoneId]);
  expect((await persistently(() => rotate(zone, '?emergency=true'))).status).toBeLessThan(300);
  const made = randomUUID();
  await sql(
    `INSERT INTO revocation_orders (zone_id, id, target, reason, actor, affects, generation)
     VALUES ($1, $2, '{"zone": true}', 'drill', 'somebody', '{"sessions": 1}', 7)`,
    [zone.zoneId, made],
  );
  await expect.poll(() => told.arrived().length, PATIENCE).toBe(4);
  const data = new Map(told.arrived().map((event) => [event.type, event.data]));
  const ofZone = { zone_id: zone.zoneId };
  expect(data.get('client.disabled')).toEqual({ ...ofZone, client_id: clientId, removed: false });
  const { id } = session ?? {};
  expect(data.get('session.ended')).toEqual({
    ...ofZone,
    sessions: [{ id, root_id: id, client_id: zone.clientId }],
    not_listed: 0,
  });
  expect(data.get('signing_key.withdrawn')).toEqual({ ...ofZone, ...key });
  expect(data.get('revocation.ordered')).toEqual({
    ...ofZone,
    order_id: made,
    target: { zone: true },
    reason: 'drill',
    reason_code: null,
    generation: 7,
    affects: { sessions: 1 },
  });
  expect(all.arrived()).toEqual([]);
});

test('what is not committed is not told', async () => {
  const told = await newWebhook({ events: ['session.ended'] });
  await openSessions(zone, 1);
  await expect(
    sql(
      `WITH ended AS (UPDATE sessions SET ended_at = now() WHERE zone_id = $1 RETURNING id)
       SELECT 1 / (count(*) - count(*)) FROM ended`,
      [zone.zoneId],
    ),
  ).rejects.toThrow('division by zero');
  await endAll(zone);
  await expect.poll(() => told.arrived().length, PATIENCE).toBe(1);
});

test('very many sessions of one zone are a hundred events at most, and another zone is told meanwhile', async () => {
  const [flooded, other] = [await createTestZone(replica), await createTestZone(replica)];
  await newWebhook({ events: ['session.ended'] }, flooded);
  const calm = await newWebhook({ events: ['session.ended'] }, other);
  await openSessions(flooded, 12_345);
  await openSessions(other, 1);
  await endAll(flooded);
  const parts = await sql(
    `SELECT jsonb_array_length(payload->'data'->'sessions') AS listed, (payload->'data'->>'not_listed')::int AS rest
       FROM webhook_deliveries WHERE zone_id = $1 ORDER BY id`,
    [flooded.zoneId],
  );
  expect(parts).toHaveLength(100);
  expect(parts.every(({ listed }) => listed === 100)).toBe(true);
  expect(parts.map(({ rest }) => rest).filter((rest) => rest !== 0)).toEqual([2_345]);
  await endAll(other);
  await expect.poll(() => calm.arrived().length, PATIENCE).toBe(1);
});

test('sessions that end with an order, bit by bit, are told together as well', async () => {
  const ordered = await createTestZone(replica);
  const told = await newWebhook({ events: ['session.ended'] }, ordered);
  await openSessions(ordered, 450);
  const answer = await order(ordered, { client_id: ordered.clientId });
  expect(answer.status).toBe(201);
  const ended = () => told.arrived().flatMap(({ data }) => data['sessions'] as { id: string }[]);
  await expect.poll(() => ended().length, PATIENCE).toBe(450);
  expect(new Set(ended().map(({ id }) => id)).size).toBe(450);
  // Two hundred at a time, and a hundred in an event.
  expect(told.arrived().map(({ data }) => (data['sessions'] as unknown[]).length)).toHaveLength(5);
  const path = `/revocations/${String(answer.body['id'])}`;
  await expect.poll(() => ordered.admin('GET', path), PATIENCE).not.toHaveProperty('ending');
});
