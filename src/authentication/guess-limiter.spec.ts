import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GuessLimiter } from './guess-limiter.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

async function exhausted(): Promise<GuessLimiter> {
  const limiter = new GuessLimiter();
  for (let n = 0; n < 10; n += 1) expect(await limiter.countWrong('client', 'source')).toBe(true);
  return limiter;
}

test('allows ten wrong guesses a minute, and not an eleventh', async () => {
  const limiter = await exhausted();
  expect(await limiter.countWrong('client', 'source')).toBe(false);
  vi.advanceTimersByTime(59_999);
  expect(await limiter.countWrong('client', 'source')).toBe(false);
  vi.advanceTimersByTime(86_400_000);
  const allowed = [];
  for (let n = 0; n < 20; n += 1) allowed.push(await limiter.countWrong('client', 'source'));
  expect(allowed.filter(Boolean)).toHaveLength(10);
});

test('counts each client and each source by itself', async () => {
  const limiter = await exhausted();
  expect(await limiter.countWrong('client', 'elsewhere')).toBe(true);
  expect(await limiter.countWrong('other', 'source')).toBe(true);
  expect(await limiter.countWrong('client source', '')).toBe(true);
  expect(await limiter.countWrong('', 'client source')).toBe(true);
});

describe('expensive comparisons', () => {
  test('are not limited while guesses are left, nor counted as guesses', async () => {
    const limiter = new GuessLimiter();
    for (let n = 0; n < 100; n += 1) expect(await limiter.mayCompare('c', 's')).toBe(true);
    expect(await limiter.countWrong('c', 's')).toBe(true);
  });

  test('are paced to one a second once guesses are used up, not shut out', async () => {
    const limiter = await exhausted();
    expect(await limiter.mayCompare('client', 'source')).toBe(true);
    vi.advanceTimersByTime(999);
    expect(await limiter.mayCompare('client', 'source')).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await limiter.mayCompare('client', 'source')).toBe(true);
    expect(await limiter.mayCompare('client', 'source')).toBe(false);
    expect(await limiter.mayCompare('client', 'elsewhere')).toBe(true);
  });
});
