import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER } from '../setup/key-server.js';
import { order } from '../setup/orders.js';
import { killProcesses, until } from '../setup/process.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { newSignalReceiver } from '../setup/signal-receiver.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** Whom an order says it has told, and what it holds while it counts. */

let replica: Replica;
let receiver: Receiver;

beforeAll(async () => {
  replica = await startReplica({
    env: ALLOW_KEY_SERVER,
  });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await replica.stop();
  await killProcesses();
});

interface Channel {
  readonly told: boolean;
  readonly honoured_until?: string | null;
}

test('an order says by each channel who has it, and until when it may be honoured', async () => {
  const zone = await createTestZone(replica);
  const signals = await newSignalReceiver(zone);
  const stream = await signals.call('POST', 'configuration_endpoint', {
    delivery: { method: 'urn:ietf:rfc:8936' },
  });
  expect(stream.status, JSON.stringify(stream.body)).toBe(201);
  const streamId = String(stream.body['stream_id']);
  receiver.answers.set('/orders', { status: 500 });
  await zone.admin('POST', '/webhooks', {
    url: `${receiver.url}/orders`,
    events: ['revocation.ordered'],
  });
  // Nothing gets a place in the feed meanwhile, nor on a stream.
  const home = await databaseOf(replica.databaseUrl, zone.zoneId);
  const held = await withClient(home, async (client) => {
    await client.query('BEGIN');
    await client.query(
      `SELECT pg_advisory_xact_lock(hashtextextended('revocation feed of ' || $1, 0)),
              pg_advisory_xact_lock(hashtextextended('shared signals of ' || $1, 0))`,
      [zone.zoneId],
    );
    const answer = await order(zone, { client_id: zone.clientId });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    const shown = await zone.admin('GET', `/revocations/${String(answer.body['id'])}`);
    await client.query('ROLLBACK');
    return { answer, shown };
  });
  const id = String(held.answer.body['id']);
  const show = async () => {
    const shown = await zone.admin('GET', `/revocations/${id}`);
    return {
      ...shown,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at by the test
      channels: shown['channels'] as Readonly<Record<string, Channel & Record<string, unknown>>>,
    };
  };
  const at = Date.parse(String(held.answer.body['at']));
  expect(held.shown['honoured_until']).toBeNull();
  expect(held.shown['channels']).toMatchObject({
    exchange: { told: true, honoured_until: held.answer.body['at'] },
    introspection: { told: true, honoured_until: held.answer.body['at'] },
    feed: { told: false, honoured_until: null },
    status_list: { told: false },
    expiry: { told: false },
    ssf: { told: false },
    webhooks: { waiting: 1, delivered: 0, dead: 0, told: false },
  });

  await expect.poll(async () => (await show()).channels['feed']?.told).toBe(true);
  const placed = await show();
  /** Seconds from the order to what a channel says. */
  const bound = (channel: string) =>
    (Date.parse(String(placed.channels[channel]?.honoured_until)) - at) / 1_000;
  // Not before the commit, which was before its item had its place in the feed.
  expect(bound('feed')).toBeGreaterThanOrEqual(10);
  expect(bound('status_list') - bound('feed')).toBeCloseTo(51, 3);
  expect(bound('expiry') - bound('feed')).toBeCloseTo(890, 3);
  expect(placed).toMatchObject({
    honoured_until: placed.channels['expiry']?.honoured_until,
  });
  const [item] = await rows<{ placed: Date }>(
    replica.databaseUrl,
    `SELECT until - revocation_matters() AS placed FROM revocation_feed WHERE zone_id = $1 AND kind = 'client'`,
    [zone.zoneId],
  );
  expect(bound('feed')).toBeCloseTo((Number(item?.placed) - at) / 1_000 + 10, 1);

  const waiting = { told: false, waiting: [{ client_id: signals.clientId, events: 1 }] };
  await expect.poll(async () => (await show()).channels['ssf']).toEqual(waiting);
  const sets = await signals.sets(await signals.poll(streamId));
  await signals.poll(streamId, { ack: sets.map(({ jti }) => String(jti)), maxEvents: 0 });
  expect((await show()).channels['ssf']).toEqual({ told: true, waiting: [] });

  receiver.answers.delete('/orders');
  await rows(replica.databaseUrl, 'UPDATE webhook_deliveries SET due_at = now()');
  await expect
    .poll(async () => (await show()).channels['webhooks'])
    .toEqual({ told: true, waiting: 0, delivered: 1, dead: 0 });
});

test('an order is in the feed when all that was found below it is', async () => {
  const zone = await createTestZone(replica);
  const { issuer } = await newTrustedIssuer(zone);
  const shown = async (id: string) => {
    const one = await zone.admin('GET', `/revocations/${id}`);
    return { until: one['honoured_until'], feed: Reflect.get(Object(one['channels']), 'feed') };
  };
  await rows(replica.databaseUrl, USERS_OF_CLIENT, [zone.zoneId, zone.clientId, issuer]);
  const home = await databaseOf(replica.databaseUrl, zone.zoneId);
  const id = await withClient(home, async (holder) => {
    // Nor are they ended one by one meanwhile.
    await holder.query('BEGIN');
    await holder.query('SELECT FROM sessions WHERE zone_id = $1 FOR UPDATE', [zone.zoneId]);
    return withClient(home, async (client) => {
      await client.query(
        `SELECT pg_advisory_lock(hashtextextended('revocation feed of ' || $1, 0))`,
        [zone.zoneId],
      );
      const { body } = await order(zone, { client_id: zone.clientId });
      // The client gets its place; the sessions that users have opened there do not.
      await client.query('SELECT revocation_feed_advance_zone($1, 2)', [zone.zoneId]);
      expect(await kinds(zone)).toEqual(['client']);
      expect(await shown(String(body['id']))).toEqual({
        until: null,
        feed: { told: false, honoured_until: null },
      });
      return String(body['id']);
    });
  });
  await expect.poll(() => shown(id)).toMatchObject({ feed: { told: true } });
  expect((await kinds(zone)).toSorted()).toEqual(['client', ...Array(5).fill('session')]);
});

/** The kinds of the items of a zone. */
async function kinds({ zoneId }: TestZone): Promise<string[]> {
  const items = await rows<{ kind: string }>(
    replica.databaseUrl,
    'SELECT kind FROM revocation_feed WHERE zone_id = $1',
    [zoneId],
  );
  return items.map(({ kind }) => kind);
}

/** Five sessions of users that a client has opened. Parameters: zone, client, issuer. */
const USERS_OF_CLIENT = `
  INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, expires_at)
  SELECT $1, s.id, s.id, $2, 'user ' || s.n, $3, clock_timestamp() + interval '1 hour'
    FROM (SELECT new_uuid_v7() AS id, n FROM generate_series(1, 5) AS n) AS s`;

test('what an order hits is counted before anything is locked that others wait for', async () => {
  const zone = await createTestZone(replica);
  const dry = () => order(zone, { client_id: zone.clientId }, { query: '?dry_run=true' });
  const asking: { last: Promise<unknown> | null } = { last: null };
  const home = await databaseOf(replica.databaseUrl, zone.zoneId);
  const tables = await Promise.all(
    ['sessions', 'agent_sessions', 'delegation_edges'].map((table) =>
      tableOf(replica.databaseUrl, zone.zoneId, table),
    ),
  );
  await withClient(home, async (client) => {
    // What the server reads of these in another order may be in the way once.
    await until(async () => {
      await client.query('ROLLBACK; BEGIN');
      return client.query(`LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`);
    });
    // A count that waits, with all that its transaction has locked; it is given up after a moment, and asked for again.
    await expect
      .poll(
        () => {
          asking.last ??= dry().finally(() => {
            asking.last = null;
          });
          return rows<{ locked: string[] }>(home, LOCKED);
        },
        { interval: 5 },
      )
      .toEqual([{ locked: [] }]);
    await client.query('ROLLBACK');
  });
  await asking.last;
  expect((await dry()).body['affects']).toMatchObject({ delegations: 0, sessions: 0 });
});

/** What transactions have locked that count and wait: nothing but what reading takes. */
const LOCKED = `
  SELECT ARRAY(
           SELECT DISTINCT l.locktype || ' ' || coalesce(l.relation::regclass::text, '') || ' ' || l.mode
             FROM pg_locks l
            WHERE l.pid = a.pid AND l.granted AND l.mode <> 'AccessShareLock' AND l.locktype <> 'virtualxid') AS locked
    FROM pg_stat_activity a
   WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND a.query LIKE '%count(*)::int AS n%'`;
