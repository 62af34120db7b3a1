import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { expect, test, vi } from 'vitest';
import { BackgroundWork } from '../background-work.js';
import type { RunningEnv } from '../config/env.js';
import type { ChangeFeed } from './change-feed.js';
import { DatabaseJobs } from './database-jobs.js';

test('the end waits for what the last look has begun with', async () => {
  const background = new BackgroundWork();
  const jobs = new DatabaseJobs(
    {} as DataSource,
    { subscribe: () => {} } as unknown as ChangeFeed,
    background,
    { warn: () => {} } as unknown as Logger,
    { stopSeconds: 60 } as RunningEnv,
  );
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
    name: 'a job',
    failing: '',
    unknown: '',
    busyMs: 1,
    idleMs: 1,
    most: 1,
    idOf: (item) => item,
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
