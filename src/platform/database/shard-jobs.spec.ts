import type { Logger } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Look } from './database-job.js';
import { ShardJobs } from './shard-jobs.js';
import { shardNow } from './shard-scope.js';
import { ZoneShards } from './zone-shards.js';

const PLACE = { host: '127.0.0.1', port: 1 };
const SHARDS = new ZoneShards({
  databaseUrl: 'postgres://127.0.0.1:1/',
  shards: [
    { ...PLACE, id: 1, from: -2_147_483_648, to: -1 },
    { ...PLACE, id: 2, from: 0, to: 2_147_483_647 },
  ],
});
/** How often each shard was looked into. */
let looks: Map<number | undefined, number>;
let warnings: unknown[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  looks = new Map();
  warnings = [];
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param looked what it comes to in the first shard */
function newJobs(shards: ZoneShards | null, looked: () => Promise<Look>): ShardJobs {
  const warn = (about: { shard?: number }) => void warnings.push(about.shard);
  const logger = { warn, info: () => {}, debug: () => {} } as unknown as Logger;
  return new ShardJobs(
    shards,
    {
      name: 'a job',
      failing: 'it fails',
      busyMs: 100,
      idleMs: 1_000,
      look: () => {
        const id = shardNow()?.id;
        looks.set(id, (looks.get(id) ?? 0) + 1);
        return id === 1 ? looked() : Promise.resolve('nothing');
      },
    },
    logger,
  );
}

test.each([
  ['does not answer', () => new Promise<Look>(() => {}), []],
  ['fails', () => Promise.reject(new Error('away')), [1]],
])('a shard that %s holds up no look into others', async (_, looked, warned) => {
  const jobs = newJobs(SHARDS, looked);
  jobs.start();
  await vi.advanceTimersByTimeAsync(300);
  const before = looks.get(2) ?? 0;
  for (let n = 0; n < 10; n += 1) {
    jobs.wake();
    await vi.advanceTimersByTimeAsync(50);
  }
  expect((looks.get(2) ?? 0) - before).toBe(10);
  expect(looks.get(1)).toBe(1);
  expect(warnings).toEqual(warned);
});

test('the first looks into shards are not all at once, and who is woken does not wait for its turn', async () => {
  const jobs = newJobs(SHARDS, () => Promise.resolve('nothing'));
  jobs.start();
  // Each look is after 80 to 120 ms, and the second shard's 100 ms later.
  await vi.advanceTimersByTimeAsync(150);
  expect([...looks.keys()]).toEqual([1]);
  await vi.advanceTimersByTimeAsync(100);
  expect([...looks.keys()]).toEqual([1, 2]);
  const other = newJobs(SHARDS, () => Promise.resolve('nothing'));
  looks.clear();
  other.start();
  other.wake();
  await vi.advanceTimersByTimeAsync(1);
  expect(new Set(looks.keys())).toEqual(new Set([1, 2]));
});

test('a plain server is looked into by one, and it ends when the look is over', async () => {
  const jobs = newJobs(null, () => Promise.resolve('nothing'));
  jobs.start();
  expect(jobs.running).toBe(true);
  await vi.advanceTimersByTimeAsync(150);
  expect([...looks]).toEqual([[undefined, 1]]);
  await jobs.stop();
  expect(jobs.running).toBe(false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looks.get(undefined)).toBe(1);
});
