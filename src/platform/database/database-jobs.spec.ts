import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { expect, test, vi } from 'vitest';
import { BackgroundWork } from '../background-work.js';
import type { RunningEnv } from '../config/env.js';
import type { ChangeFeed } from './change-feed.js';
import { DatabaseJobs } from './database-jobs.js';
import { shardNow } from './shard-scope.js';
import type { ZoneShardMap } from './zone-shards.js';

/** What is the same of all jobs here: they look again at once. */
const AT_ONCE = {
  name: 'a job',
  failing: '',
  unknown: '',
  busyMs: 1,
  idleMs: 1,
  idOf: (item: string) => item,
};

/** The jobs of a process that asks no database. @param zoneShards where it is distributed */
function newJobs(background: BackgroundWork, zoneShards?: ZoneShardMap): DatabaseJobs {
  return new DatabaseJobs(
    {} as DataSource,
    { subscribe: () => {} } as unknown as ChangeFeed,
    background,
    { warn: () => {}, info: () => {}, debug: () => {} } as unknown as Logger,
    { stopSeconds: 60, zoneShards } as unknown as RunningEnv,
  );
}

test('the end waits for what the last look has begun with', async () => {
  const background = new BackgroundWork();
  const jobs = newJobs(background);
  let took = (_items: string[]): void => {};
  let worked = (): void => {};
  const take = vi.fn(
    () =>
      new Promise<string[]>((resolve) => {
        took = resolve;
      }),
  );
  const work = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        worked = resolve;
      }),
  );
  jobs.addTaking<string>({
    ...AT_ONCE,
    most: 1,
    groupOf: () => 'all',
    take,
    work,
  });
  background.startJobs();
  await vi.waitUntil(() => take.mock.calls.length > 0);
  let isOver = false;
  const over = jobs.beforeApplicationShutdown().finally(() => {
    isOver = true;
  });
  took(['one']);
  await vi.waitUntil(() => work.mock.calls.length > 0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  worked();
  await over;
});

test('the bounds of groups are for all shards together, and one that is away holds up no other', async () => {
  const background = new BackgroundWork();
  const place = { host: '127.0.0.1', port: 1 };
  const shards = [
    { ...place, id: 1, from: -(2 ** 31), to: -1 },
    { ...place, id: 2, from: 0, to: 9 },
    { ...place, id: 3, from: 10, to: 2 ** 31 - 1 },
  ];
  const databaseUrl = 'postgres://127.0.0.1:1/';
  const jobs = newJobs(background, { databaseUrl, coordinatorUrl: databaseUrl, shards });
  let underWay = 0;
  let most = 0;
  const begun = new Set<string>();
  jobs.addTaking<string>({
    ...AT_ONCE,
    most: 30,
    groupOf: () => 'one',
    isAnyDue: async () => {
      if (shardNow()?.id === 2 && begun.size === 0) throw new Error('away');
      return true;
    },
    take: async (_, groups) => {
      const room = 4 - (groups.get('one') ?? 0);
      await new Promise((resolve) => setImmediate(resolve));
      return Array.from({ length: room }, (_item, n) => `${shardNow()?.id} ${begun.size + n}`);
    },
    work: async (item) => {
      begun.add(item);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
    },
  });
  background.startJobs();
  const begunIn = (shard: number) => [...begun].filter((item) => item.startsWith(`${shard} `));
  await vi.waitUntil(() => [1, 2, 3].every((shard) => begunIn(shard).length > 0), 20_000);
  await jobs.beforeApplicationShutdown();
  expect(most).toBe(4);
});
