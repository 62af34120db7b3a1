import { expect, test } from 'vitest';
import { LoadRests } from './load-rests.js';

const NOW = 1_800_000_000_000;

test('lets a zone rest for as long as a heavy load of it took, and not after a light one', () => {
  const rests = new LoadRests(10);
  rests.took('a', 499, NOW);
  expect(rests.left('a', NOW)).toBe(0);
  rests.took('a', 3_000, NOW);
  rests.succeeded('a');
  expect([rests.left('a', NOW), rests.left('a', NOW + 2_999)]).toEqual([3_000, 1]);
  expect(rests.left('a', NOW + 3_000)).toBe(0);
  rests.took('a', 3_600_000, NOW);
  expect(rests.left('a', NOW)).toBe(30_000);
  expect(rests.left('b', NOW)).toBe(0);
});

test('lets a zone be loaded once it was changed, and rest the longer if that fails, too', () => {
  const rests = new LoadRests(10);
  rests.failed('a', NOW);
  rests.changed('a');
  rests.changed('b');
  expect([rests.left('a', NOW), rests.left('b', NOW)]).toEqual([0, 0]);
  rests.failed('a', NOW);
  expect(rests.left('a', NOW)).toBe(500);
  // What was heavy is as heavy after a change.
  rests.took('a', 2_000, NOW);
  rests.changed('a');
  expect(rests.left('a', NOW)).toBe(2_000);
});

test('rests no longer for a clock that goes back', () => {
  const rests = new LoadRests(10);
  rests.took('a', 1_000, NOW);
  expect(rests.left('a', NOW - 3_600_000)).toBe(30_000);
});

test('forgets the zones that it was asked about least recently', () => {
  const rests = new LoadRests(10);
  for (let n = 0; n < 100; n += 1) rests.failed(`zone ${n}`, NOW);
  expect(rests.left('zone 0', NOW)).toBe(0);
  expect(rests.left('zone 99', NOW)).toBe(250);
});
