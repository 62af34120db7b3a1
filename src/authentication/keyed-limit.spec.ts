import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KeyedLimit } from './keyed-limit.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const limited = (differences: Partial<ConstructorParameters<typeof KeyedLimit>[0]> = {}) =>
  new KeyedLimit({ points: 3, seconds: 10, maxKeys: 1_000, ...differences });

async function takeMany(limit: KeyedLimit, times: number, ...key: string[]): Promise<boolean[]> {
  const taken = [];
  for (let n = 0; n < times; n += 1) taken.push(await limit.take(...key));
  return taken;
}

test('allows as many as it is told within its seconds, and as many again after them', async () => {
  const limit = limited();
  expect(await takeMany(limit, 4, 'a')).toEqual([true, true, true, false]);
  vi.advanceTimersByTime(9_999);
  expect(await limit.take('a')).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await takeMany(limit, 4, 'a')).toEqual([true, true, true, false]);
});

test('never allows more than twice as many within its seconds, wherever they begin', async () => {
  const limit = limited();
  const allowed: number[] = [];
  for (let at = 0; at < 60_000; at += 500) {
    if (await limit.take('a')) allowed.push(at);
    vi.advanceTimersByTime(500);
  }
  for (const start of allowed) {
    const within = allowed.filter((at) => at >= start && at < start + 10_000);
    expect(within.length).toBeLessThanOrEqual(6);
  }
});

test('counts each key by itself, whatever its parts are', async () => {
  const limit = limited();
  await takeMany(limit, 4, 'a b', 'c');
  expect(await limit.take('a b', 'c')).toBe(false);
  expect(await limit.take('a', 'b c')).toBe(true);
  expect(await limit.take('a b c')).toBe(true);
  expect(await limit.take('a b', 'c', '')).toBe(true);
});

test('tells whether one is left without counting', async () => {
  const limit = limited({ points: 1 });
  for (let n = 0; n < 10; n += 1) expect(await limit.hasLeft('a')).toBe(true);
  expect(await limit.take('a')).toBe(true);
  expect(await limit.hasLeft('a')).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(await limit.hasLeft('a')).toBe(true);
});

test('forgets the keys that were used least recently, and no timer of theirs is left', async () => {
  const limit = limited({ points: 1, maxKeys: 100 });
  await limit.take('first');
  for (let n = 0; n < 5_000; n += 1) await limit.take(`${n} ${'x'.repeat(1_000)}`);
  expect(limit.size).toBe(100);
  expect(vi.getTimerCount()).toBe(100);
  expect(await limit.take('first')).toBe(true);
});

test('keeps what is used again and again', async () => {
  const limit = limited({ points: 1, maxKeys: 100 });
  await limit.take('used');
  for (let n = 0; n < 500; n += 1) {
    await limit.take(`other ${n}`);
    expect(await limit.take('used')).toBe(false);
  }
});

test('gives nothing for a clock that goes back', async () => {
  const limit = limited({ points: 1 });
  await limit.take('a');
  vi.setSystemTime(Date.now() - 3_600_000);
  expect(await limit.take('a')).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(await limit.take('a')).toBe(true);
});
