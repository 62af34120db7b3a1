import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StartQueue } from './start-queue.js';

test('one request starts in each turn, in the order in which they came', async () => {
  const queue = new StartQueue();
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) queue.add(() => seen.push(name));
  expect(seen).toEqual([]);
  for (const turns of [1, 2, 3]) {
    await turn();
    seen.push(`turn ${turns}`);
  }
  expect(seen).toEqual(['a', 'turn 1', 'b', 'turn 2', 'c', 'turn 3']);
  queue.add(() => seen.push('d'));
  await turn();
  expect(seen.at(-1)).toBe('d');
});
