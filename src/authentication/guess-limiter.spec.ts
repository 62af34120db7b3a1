import { describe, expect, test } from 'vitest';
import { GuessLimiter } from './guess-limiter.js';

const NOW = 1_800_000_000_000;

function exhausted(now = NOW): GuessLimiter {
  const limiter = new GuessLimiter();
  for (let n = 0; n < 10; n += 1) expect(limiter.countWrong('client', 'source', now)).toBe(true);
  return limiter;
}

test('allows ten wrong guesses, and not an eleventh', () => {
  expect(exhausted().countWrong('client', 'source', NOW)).toBe(false);
});

test('allows one more every six seconds, and never more than ten', () => {
  const limiter = exhausted();
  expect(limiter.countWrong('client', 'source', NOW + 5_999)).toBe(false);
  expect(limiter.countWrong('client', 'source', NOW + 6_000)).toBe(true);
  expect(limiter.countWrong('client', 'source', NOW + 6_001)).toBe(false);
  expect(limiter.countWrong('client', 'source', NOW + 12_000)).toBe(true);
  const later = NOW + 86_400_000;
  const allowed = Array.from({ length: 20 }, () => limiter.countWrong('client', 'source', later));
  expect(allowed.filter(Boolean)).toHaveLength(10);
});

test('counts each client and each source by itself', () => {
  const limiter = exhausted();
  expect(limiter.countWrong('client', 'elsewhere', NOW)).toBe(true);
  expect(limiter.countWrong('other', 'source', NOW)).toBe(true);
  expect(limiter.countWrong('client source', '', NOW)).toBe(true);
  expect(limiter.countWrong('', 'client source', NOW)).toBe(true);
});

describe('expensive comparisons', () => {
  test('are not limited while guesses are left, nor counted as guesses', () => {
    const limiter = new GuessLimiter();
    for (let n = 0; n < 100; n += 1) expect(limiter.mayCompare('c', 's', NOW)).toBe(true);
    expect(limiter.countWrong('c', 's', NOW)).toBe(true);
  });

  test('are paced to one a second once guesses are used up, not shut out', () => {
    const limiter = exhausted();
    expect(limiter.mayCompare('client', 'source', NOW)).toBe(true);
    expect(limiter.mayCompare('client', 'source', NOW + 999)).toBe(false);
    expect(limiter.mayCompare('client', 'source', NOW + 1_000)).toBe(true);
    expect(limiter.mayCompare('client', 'source', NOW + 1_001)).toBe(false);
    expect(limiter.mayCompare('client', 'elsewhere', NOW + 1_001)).toBe(true);
  });
});

test('survives a clock that goes back', () => {
  const limiter = exhausted();
  expect(limiter.countWrong('client', 'source', NOW - 3_600_000)).toBe(false);
  expect(limiter.countWrong('client', 'source', NOW + 6_000)).toBe(true);
});

test('remembers little about whoever writes much', () => {
  const limiter = new GuessLimiter();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 5_000; n += 1) limiter.countWrong(`${n}${'x'.repeat(20_000)}`, 's', NOW);
  // The names alone would be 100 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1_048_576);
});
