import { EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SerialQueue } from './serial-queue.js';

interface Job {
  readonly run: () => Promise<string>;
  readonly finish: () => void;
  started: boolean;
}

function job(name = 'done'): Job {
  const gate = new EventEmitter();
  const promise = once(gate, 'open').then(() => name);
  const made: Job = {
    started: false,
    run: () => {
      made.started = true;
      return promise;
    },
    finish: () => void gate.emit('open'),
  };
  return made;
}

test('runs one job after the other, in order', async () => {
  const queue = new SerialQueue(10);
  const [first, second] = [job('first'), job('second')];
  const results = [queue.run([], first.run), queue.run([], second.run)];
  await nextTurn();
  expect([first.started, second.started]).toEqual([true, false]);
  first.finish();
  await nextTurn();
  expect(second.started).toBe(true);
  second.finish();
  expect(await Promise.all(results)).toEqual(['first', 'second']);
});

test('turns away at once what does not fit, and never runs it', async () => {
  const queue = new SerialQueue(2);
  const jobs = [job(), job(), job()];
  const results = jobs.map(({ run }) => queue.run([], run));
  expect(await results[2]).toBeNull();
  for (const { finish } of jobs) finish();
  expect(await Promise.all(results)).toEqual(['done', 'done', null]);
  expect(jobs[2]?.started).toBe(false);
});

test('lets nobody take more than a share, and gives it back', async () => {
  const queue = new SerialQueue(100);
  const mine = [{ key: 'me', max: 2 }];
  const jobs = [job(), job(), job()];
  const results = jobs.map(({ run }) => queue.run(mine, run));
  expect(await results[2]).toBeNull();
  const other = job();
  const theirs = queue.run([{ key: 'you', max: 2 }], other.run);
  for (const { finish } of [...jobs, other]) finish();
  expect(await Promise.all([...results, theirs])).toEqual(['done', 'done', null, 'done']);
  const again = job();
  again.finish();
  expect(await queue.run(mine, again.run)).toBe('done');
});

test('turns away for any one share that is used up, and then uses none', async () => {
  const queue = new SerialQueue(100);
  const first = job();
  const busy = queue.run([{ key: 'a', max: 1 }], first.run);
  const shares = [
    { key: 'b', max: 1 },
    { key: 'a', max: 1 },
  ];
  expect(await queue.run(shares, job().run)).toBeNull();
  first.finish();
  await busy;
  const second = job();
  second.finish();
  expect(await queue.run([{ key: 'b', max: 1 }], second.run)).toBe('done');
});

function failing(): Promise<string> {
  return Promise.reject(new Error('no'));
}

function throwing(): Promise<string> {
  throw new Error('at once');
}

test('goes on after a job that failed', async () => {
  const queue = new SerialQueue(1);
  await expect(queue.run([{ key: 'a', max: 1 }], failing)).rejects.toThrow('no');
  await expect(queue.run([{ key: 'a', max: 1 }], throwing)).rejects.toThrow('at once');
  const next = job();
  next.finish();
  expect(await queue.run([{ key: 'a', max: 1 }], next.run)).toBe('done');
});
