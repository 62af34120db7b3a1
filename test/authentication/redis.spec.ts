import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeRedis, type FakeRedis } from '../setup/fake-redis.js';
import { startReplicaForTest, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let redis: FakeRedis;

beforeEach(async () => {
  redis = await startFakeRedis();
});

afterEach(async () => {
  await redis.stop();
});

const start = (limit = '100000/100000') =>
  startReplicaForTest({
    env: { REDIS_URL: redis.url, RATE_LIMIT_CLIENT: limit, RATE_LIMIT_ZONE: '100000/100000' },
  });

/** Asks until the replica counts in Redis. */
const untilShared = async (zone: TestZone) => {
  const before = redis.count('EVAL');
  await until(async () => {
    await persistently(() => zone.session());
    return redis.count('EVAL') > before;
  });
};

const said = (replica: Replica, text: string) =>
  replica.logs().filter((line) => line.includes(text)).length;

test('a Redis that hangs is left alone, and asked again when a probe is answered', async () => {
  const replica = await start();
  const zone = await createTestZone(replica);
  await untilShared(zone);
  // It may have been away for a moment before, on a busy machine.
  const [awayBefore, backBefore] = [said(replica, 'Redis is away'), said(replica, 'Redis is back')];
  redis.silence('EVAL', 'SET');
  const before = redis.count('EVAL');
  for (let n = 0; n < 100; n += 1) {
    expect((await persistently(() => zone.session())).status).toBe(200);
  }
  // The one that found out, and no other.
  expect(redis.count('EVAL') - before).toBeLessThanOrEqual(1);
  await expect.poll(() => said(replica, 'Redis is away')).toBe(awayBefore + 1);
  redis.silence();
  await untilShared(zone);
  // Lines that are no warning may be written a little later.
  await expect.poll(() => said(replica, 'Redis is back')).toBeGreaterThan(backBefore);
});

test('many requests at once that a Redis keeps waiting are all answered', async () => {
  const zone = await createTestZone(await start());
  await untilShared(zone);
  redis.silence('EVAL', 'SET');
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => persistently(() => zone.session())),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

test('a Redis that answers probes and no counts is asked ever more seldom', async () => {
  const zone = await createTestZone(await start());
  await untilShared(zone);
  redis.silence('EVAL');
  const before = redis.count('EVAL');
  const probes = redis.count('SET');
  await until(async () => {
    expect((await persistently(() => zone.session())).status).toBe(200);
    return redis.count('SET') >= probes + 2;
  });
  // Once when it fell silent, and once for each probe that was answered.
  expect(redis.count('EVAL') - before).toBeLessThanOrEqual(redis.count('SET') - probes + 1);
});

test('while it hangs, each replica counts for itself', async () => {
  redis.silence('EVAL', 'SET');
  const zone = await createTestZone(await start('2/5'));
  const { body } = await until(async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => zone.session()));
    return answers.find(({ status }) => status === 429) ?? null;
  });
  expect(body).toMatchObject({ error: 'slow_down' });
  expect(redis.count('EVAL')).toBe(0);
});

test('one that is not there at the start is found when it comes', async () => {
  const { url } = redis;
  await redis.stop();
  const replica = await startReplicaForTest({ env: { REDIS_URL: url } });
  const zone = await createTestZone(replica);
  expect((await persistently(() => zone.session())).status).toBe(200);
  redis = await startFakeRedis(Number(new URL(url).port));
  await untilShared(zone);
  expect(said(replica, 'Redis is back')).toBe(1);
});
