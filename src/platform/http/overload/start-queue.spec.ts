import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StartQueue } from './start-queue.js';

test('one request starts in each turn, in the order in which they came', async () => {
  const queue = new StartQueue();
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) queue.add(() => seen.push(name) > 0);
  expect(seen).toEqual([]);
  for (const turns of [1, 2, 3]) {
    await turn();
    seen.push(`turn ${turns}`);
  }
  expect(seen).toEqual(['a', 'turn 1', 'b', 'turn 2', 'c', 'turn 3']);
  queue.add(() => seen.push('d') > 0);
  await turn();
  expect(seen.at(-1)).toBe('d');
});

test('requests whose callers have gone take no turn', async () => {
  const queue = new StartQueue();
  const seen: string[] = [];
  for (let n = 0; n < 100; n += 1) queue.add(() => false);
  queue.add(() => seen.push('a') > 0);
  queue.add(() => false);
  queue.add(() => seen.push('b') > 0);
  await turn();
  expect(seen).toEqual(['a']);
  await turn();
  expect(seen).toEqual(['a', 'b']);
});

test('the pace is how far apart those began that waited for each other', async () => {
  let now = 0;
  const queue = new StartQueue(() => now);
  const begin = (takes: number) =>
    queue.add(() => {
      now += takes;
      return true;
    });
  begin(5);
  await turn();
  // Nothing waited for it.
  expect(queue.takePace()).toBeNull();
  for (const takes of [10, 20, 30]) begin(takes);
  // What comes before the first turn is nobody's wait for another.
  now += 1_000;
  for (let turns = 0; turns < 3; turns += 1) await turn();
  expect(queue.takePace()).toBe(15);
  expect(queue.takePace()).toBeNull();
});
