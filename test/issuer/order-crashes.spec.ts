import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { verifyChains } from '../setup/chain.js';
import { createDatabase, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses } from '../setup/process.js';
import { proxyDatabase, type ProxiedDatabase } from '../setup/proxied-database.js';
import { exchangeAs } from '../setup/services.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

/** That an order is whole or not there, whatever ends in the middle of it, and that its answer can be looked up. */

/** Rounds in which a replica is killed at some moment of an order. */
const ROUNDS = Number(process.env['ORDER_CRASHES'] ?? 1);
const PATIENCE = { interval: 20 };

let way: ProxiedDatabase;
let databaseUrl: string;
/** Where the tables of the zone of the test are. */
let home: string;
/** Runs on, whatever becomes of the other; and one whose connections can be cut. */
let survivor: Replica;
let cut: Replica;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  way = await proxyDatabase(databaseUrl);
  [survivor, cut] = await Promise.all([
    startReplica({ databaseUrl }),
    startReplica({ databaseUrl: way.url }),
  ]);
});

afterAll(async () => {
  await Promise.all([survivor?.stop(), cut?.stop()]);
  await way?.close();
  await killProcesses();
});

/** Orders at a replica that all of a client is taken back, once; a connection that breaks is an answer that is lost. */
function orderAt(at: Replica, zone: TestZone, key: string): Promise<Answer | null> {
  return callAdmin(
    at,
    'POST',
    `/zones/${zone.zoneId}/revocations`,
    { target: { client_id: zone.clientId }, reason: 'a test' },
    { 'Idempotency-Key': key },
  ).catch(() => null);
}

/** What there is of orders in a zone: all of it, or nothing. */
async function stateOf(zone: TestZone) {
  const [found] = await rows<Record<'orders' | 'recorded' | 'generation' | 'endings', number>>(
    databaseUrl,
    `SELECT (SELECT count(*)::int FROM revocation_orders WHERE zone_id = $1) AS orders,
            (SELECT count(*)::int FROM audit_events a
              WHERE a.zone_id = $1 AND a.type = 'admin.revocation.ordered') AS recorded,
            (SELECT generation FROM clients WHERE zone_id = $1 AND id = $2) AS generation,
            (SELECT count(*)::int FROM generations WHERE zone_id = $1 AND kind = 'client') AS endings`,
    [zone.zoneId, zone.clientId],
  );
  if (found === undefined) throw new Error('nothing was read');
  return found;
}

async function newZone() {
  const zone = await createTestZone(survivor);
  home = await databaseOf(databaseUrl, zone.zoneId);
  const token = tokenOf(await persistently(() => zone.session()));
  const isHonoured = async () =>
    (
      await persistently(() =>
        exchangeAs(zone, survivor.url, token, { resource: zone.resource, scope: 'a:read' }),
      )
    ).status === 200;
  expect(await isHonoured()).toBe(true);
  return { zone, isHonoured, sid: decodeJwt(token)['sid'] };
}

/** Asks again with the key until it is known what became of it, and checks that it was ordered once. */
async function expectOnce(
  { zone, isHonoured }: Awaited<ReturnType<typeof newZone>>,
  key: string,
): Promise<void> {
  const before = await stateOf(zone);
  expect([0, 1]).toContain(before.orders);
  expect(before).toEqual({
    orders: before.orders,
    recorded: before.orders,
    generation: before.orders,
    endings: before.orders,
  });
  expect(await isHonoured()).toBe(before.orders === 0);
  const again = await persistently(async () => {
    const answer = await orderAt(survivor, zone, key);
    if (answer === null) throw new Error('the one that runs on has not answered');
    return answer;
  });
  expect(again.status, JSON.stringify(again.body)).toBe(201);
  expect(again.headers.get('idempotency-replayed')).toBe(before.orders === 1 ? 'true' : null);
  expect(await stateOf(zone)).toEqual({ orders: 1, recorded: 1, generation: 1, endings: 1 });
  expect(await isHonoured()).toBe(false);
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
}

/** Does something while an order waits for a table, after which the table is free. */
async function whileItWaits(table: string, run: () => Promise<unknown>): Promise<void> {
  await withClient(home, async (client) => {
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
    await run();
    await client.query('ROLLBACK');
  });
}

/** Operators' connections that are in a state, by SQL about `pg_stat_activity`. */
const connectionsThat = (state: string) =>
  rows(
    home,
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'mandate operators' AND ${state}`,
  );

/** Waits until none of operators' connections has anything to do. */
const untilNothingRuns = () =>
  expect.poll(() => connectionsThat("state <> 'idle'"), PATIENCE).toEqual([]);

/** Waits until one of operators' connections waits for a lock. */
const untilItWaits = () =>
  expect
    .poll(async () => (await connectionsThat("wait_event_type = 'Lock'")).length, PATIENCE)
    .toBeGreaterThan(0);

/** How far an order has come: it takes back, it is written, it is recorded. */
const POINTS = ['generations', 'revocation_orders', 'audit_events'] as const;

describe('a replica that is killed', () => {
  test.each(POINTS.slice(0, ROUNDS > 1 ? 3 : 2))(
    'while its order waits for %s leaves nothing of it',
    async (table) => {
      const made = await newZone();
      const victim = await startReplica({ databaseUrl });
      const key = randomUUID();
      await whileItWaits(table, async () => {
        const answered = orderAt(victim, made.zone, key);
        await untilItWaits();
        await victim.stop('SIGKILL');
        expect(await answered).toBeNull();
      });
      // The server notices when the statement is over that nobody waits for it.
      await untilNothingRuns();
      expect((await stateOf(made.zone)).orders).toBe(0);
      await expectOnce(made, key);
    },
  );

  test('at any moment of its order leaves it whole or not there', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      // oxlint-disable no-await-in-loop -- one after the other
      const made = await newZone();
      const victim = await startReplica({ databaseUrl });
      const key = randomUUID();
      const answered = orderAt(victim, made.zone, key);
      const moment = Math.random() * 60;
      await new Promise((resolve) => {
        setTimeout(resolve, moment);
      });
      await victim.stop('SIGKILL');
      const answer = await answered;
      await untilNothingRuns();
      // What was answered is so.
      if (answer?.status === 201) expect((await stateOf(made.zone)).orders).toBe(1);
      await expectOnce(made, key);
      // oxlint-enable no-await-in-loop
    }
  });
});

describe('a database whose answer is lost', () => {
  test.each(['sent', 'answered'] as const)(
    'to the commit of an order, when it was %s, is no denial',
    async (when) => {
      const made = await newZone();
      const key = randomUUID();
      const proxy = await way.before(made.zone.zoneId);
      const gone = proxy.cutWhen(when, ['COMMIT']);
      const answer = await orderAt(cut, made.zone, key);
      await gone;
      // Either what became of it, or that it is not known.
      expect([201, 503]).toContain(answer?.status);
      if (answer?.status === 201) expect((await stateOf(made.zone)).orders).toBe(1);
      await expectOnce(made, key);
    },
  );

  test('as it ends all its connections in the middle of one, as when it restarts, is none either', async () => {
    const made = await newZone();
    const key = randomUUID();
    const answers: (Answer | null)[] = [];
    await whileItWaits('revocation_orders', async () => {
      const answered = orderAt(cut, made.zone, key);
      await untilItWaits();
      await rows(
        home,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'mandate%'`,
      );
      answers.push(await answered);
    });
    expect(answers.map((answer) => answer?.status)).toEqual([503]);
    expect((await stateOf(made.zone)).orders).toBe(0);
    await expectOnce(made, key);
  });
});
