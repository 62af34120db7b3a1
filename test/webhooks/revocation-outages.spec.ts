import { randomUUID } from 'node:crypto';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { startFakeRedis, type FakeRedis } from '../setup/fake-redis.js';
import {
  createDatabase,
  rows,
  sharedReplica,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { maintain } from '../setup/maintain.js';
import { persistently } from '../setup/patience.js';
import { readAsGateway, STREAM, STREAMS_KEY } from '../setup/revocations.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf, idBeside } from '../setup/zone-database.js';

let redis: FakeRedis;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  redis = await startFakeRedis();
  onTestFinished(() => redis.stop());
  env = { REDIS_URL: redis.url, STREAMS_HMAC_KEY: STREAMS_KEY };
});

const sent = (): readonly string[] => readAsGateway(redis.entries(STREAM)).sessions;
const said = (replica: Replica, text: string) =>
  replica.logs().filter((line) => line.includes(text)).length;

/** Ends a session of its own. @returns its id */
async function endOne(zone: TestZone): Promise<string> {
  const { body } = await persistently(() => zone.session());
  const [, payload = ''] = String(body['access_token']).split('.');
  const { sid } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string };
  const ended = await persistently(() =>
    callAdmin(zone.replica, 'DELETE', `/zones/${zone.zoneId}/sessions/${sid}`),
  );
  expect(ended.status).toBe(204);
  return sid;
}

/** How many of a zone, or of all, are in the outbox. */
async function waiting(databaseUrl: string, zoneId: string | null = null): Promise<number> {
  const [row] = await rows<{ count: number }>(
    databaseUrl,
    'SELECT count(*)::int AS count FROM revocation_outbox WHERE $1::uuid IS NULL OR zone_id = $1',
    [zoneId],
  );
  return row?.count ?? Number.NaN;
}

async function figure(replica: Replica, line: string): Promise<number | null> {
  const text = await (await fetch(`${replica.url}/metrics`)).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? null : Number(found.slice(line.length));
}

/** Puts sessions of a zone into the outbox, of so many seconds ago. @returns their ids */
async function put(databaseUrl: string, zoneId: string, many: number, ago = 0): Promise<string[]> {
  const found = await rows<{ ended_id: string }>(
    databaseUrl,
    `INSERT INTO revocation_outbox (zone_id, id, kind, ended_id, created_at)
     SELECT $1, new_uuid_v7(), 'session', gen_random_uuid(), clock_timestamp() - make_interval(secs => $3)
       FROM generate_series(1, $2) RETURNING ended_id`,
    [zoneId, many, ago],
  );
  return found.map(({ ended_id: id }) => id);
}

test('nothing is written where nobody sends', async () => {
  const replica = await sharedReplica();
  const zone = await createTestZone(replica);
  await endOne(zone);
  expect(await waiting(replica.databaseUrl, zone.zoneId)).toBe(0);
  expect(await figure(replica, 'mandate_revocation_stream_oldest_seconds')).toBe(null);
});

test('a Redis that hangs stops no request, and is told everything when it answers again', async () => {
  const replica = await startReplicaForTest({ env });
  const zone = await createTestZone(replica);
  const before = await endOne(zone);
  await expect.poll(sent).toContain(before);
  await expect.poll(() => waiting(replica.databaseUrl)).toBe(0);

  const away = () => said(replica, 'the revocation stream cannot be written');
  const back = () => said(replica, 'the revocation stream is written again');
  const [awayBefore, backBefore] = [away(), back()];
  redis.silence('XADD', 'SET', 'EVAL');
  const ended = [await endOne(zone)];
  await expect.poll(away).toBe(awayBefore + 1);
  // It is not asked again until a probe of it was answered.
  const asked = redis.count('XADD');
  for (let n = 0; n < 5; n += 1) ended.push(await endOne(zone));
  await expect.poll(() => redis.count('SET')).toBeGreaterThan(4);
  expect(redis.count('XADD')).toBe(asked);
  expect(await waiting(replica.databaseUrl)).toBe(6);
  expect((await fetch(`${replica.url}/ready`)).status).toBe(200);
  // Figures are absent while the database is slow, and a count comes after what is counted.
  await expect
    .poll(() => figure(replica, 'mandate_revocation_stream_oldest_seconds'))
    .toSatisfy((seconds) => Number(seconds) > 0);
  await expect
    .poll(() => figure(replica, 'mandate_revocation_stream_entries_total{result="failed"}'))
    .toSatisfy((failed) => Number(failed) > 0);

  redis.silence();
  await expect.poll(() => ended.filter((id) => !sent().includes(id))).toEqual([]);
  await expect.poll(() => waiting(replica.databaseUrl)).toBe(0);
  // One line for each time, if a busy machine has kept it waiting once more.
  await expect.poll(() => back() - backBefore).toBeGreaterThan(0);
  await expect.poll(() => away() - awayBefore - (back() - backBefore)).toBe(0);
  // It was heard, but not answered, so it was sent again, as the same one.
  const twice = redis.entries(STREAM).filter((entry) => entry['session_id'] === ended[0]);
  expect(twice.length).toBeGreaterThan(1);
  expect(new Set(twice.map((entry) => entry['outbox_id'])).size).toBe(1);
});

test('what a replica was sending when it was killed is sent by another one', async () => {
  const databaseUrl = await createDatabase();
  const first = await startReplica({ databaseUrl, env });
  const zone = await createTestZone(first);
  redis.silence('XADD');
  const id = await endOne(zone);
  await expect.poll(() => redis.count('XADD')).toBeGreaterThan(0);
  await first.stop('SIGKILL');
  const heard = redis.entries(STREAM).length;
  redis.silence();
  await startReplicaForTest({ databaseUrl, env });
  await expect.poll(() => redis.entries(STREAM).length).toBeGreaterThan(heard);
  expect(sent().filter((one) => one === id).length).toBeGreaterThan(1);
  await expect.poll(() => waiting(databaseUrl)).toBe(0);
});

test('what another replica has taken is left to it, and the rest is sent meanwhile', async () => {
  const databaseUrl = await createDatabase();
  const zoneId = randomUUID();
  const ids = await put(databaseUrl, zoneId, 60);
  const alone = await put(databaseUrl, await idBeside(databaseUrl, zoneId), 1);
  await withClient(await databaseOf(databaseUrl, zoneId), async (other) => {
    await other.query('BEGIN');
    await other.query(
      'SELECT 1 FROM revocation_outbox WHERE ended_id = ANY ($1) ORDER BY id FOR UPDATE',
      [[...ids.slice(0, 50), ...alone]],
    );
    await startReplicaForTest({ databaseUrl, env });
    await expect.poll(() => new Set(sent())).toEqual(new Set(ids.slice(50)));
    // Two rounds on, it is still so.
    const later = await put(databaseUrl, await idBeside(databaseUrl, zoneId), 1);
    await expect.poll(sent).toEqual(expect.arrayContaining(later));
    expect(new Set(sent())).toEqual(new Set([...ids.slice(50), ...later]));
    await other.query('ROLLBACK');
  });
  await expect.poll(sent).toEqual(expect.arrayContaining([...ids, ...alone]));
});

test('a zone with very many keeps no other waiting', async () => {
  const databaseUrl = await createDatabase();
  const flooded = '00000000-0000-7000-8000-000000000000';
  const flood = await put(databaseUrl, flooded, 3_000);
  const others = await Promise.all(
    Array.from({ length: 150 }, () => put(databaseUrl, randomUUID(), 1)),
  );
  await startReplicaForTest({ databaseUrl, env });
  await expect.poll(() => waiting(databaseUrl)).toBe(0);
  const order = [...new Set(sent())];
  expect(order).toHaveLength(flood.length + others.length);
  const last = Math.max(...others.flat().map((id) => order.indexOf(id)));
  expect(last).toBeLessThan(1_000);
});

test('what was not sent within a day is given up', async () => {
  const databaseUrl = await createDatabase();
  const old = await put(databaseUrl, randomUUID(), 2_500, 86_500);
  const fresh = await put(databaseUrl, randomUUID(), 1, 86_000);
  redis.silence('XADD', 'SET');
  const replica = await startReplicaForTest({ databaseUrl, env });
  await expect.poll(() => waiting(databaseUrl)).toBe(1);
  await expect
    .poll(() => figure(replica, 'mandate_revocation_stream_entries_total{result="given_up"}'))
    .toBe(old.length);
  redis.silence();
  await expect.poll(sent).toEqual(fresh);
});

test('what nobody has sent is removed with what else is too old', async () => {
  const replica = await startReplicaForTest();
  await put(replica.databaseUrl, randomUUID(), 10, 100_000);
  await put(replica.databaseUrl, randomUUID(), 1, 80_000);
  await maintain(replica.databaseUrl);
  expect(await waiting(replica.databaseUrl)).toBe(1);
});
