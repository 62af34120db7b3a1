import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.js';

test('lets so many through at once, then at its rate, and never more than it holds', () => {
  const bucket = new TokenBucket(3, 2);
  const at = (now: number) => bucket.take(now);
  expect([at(0), at(0), at(0), at(0)]).toEqual([true, true, true, false]);
  expect([at(499), at(500), at(500)]).toEqual([false, true, false]);
  expect([at(60_000), at(60_000), at(60_000), at(60_000)]).toEqual([true, true, true, false]);
});

test('gives nothing for a clock that goes back', () => {
  const bucket = new TokenBucket(1, 1);
  expect(bucket.take(10_000)).toBe(true);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(999)).toBe(false);
  expect(bucket.take(1_000)).toBe(true);
});
