import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BackgroundChecks, NotChecked, TookTooLong } from './background-checks.js';

const TIMES = { everyMs: 5_000, withinMs: 1_000 };
const WRONG = new Error('wrong');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('nothing is right before it was checked', () => {
  const checks = new BackgroundChecks({ a: async () => {} }, TIMES);
  expect(checks.errorOf('a')).toBeInstanceOf(NotChecked);
});

test('asking runs no check, however often', async () => {
  const run = vi.fn(async () => {});
  const checks = new BackgroundChecks({ a: run }, TIMES);
  await checks.start();
  for (let i = 0; i < 10_000; i += 1) expect(checks.errorOf('a')).toBeNull();
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(2);
  checks.stop();
});

test('a failure and a recovery are seen in the next round, each check for itself', async () => {
  let error: Error | null = null;
  const a = async (): Promise<void> => {
    if (error !== null) throw error;
  };
  const checks = new BackgroundChecks({ a, b: async () => {} }, TIMES);
  await checks.start();
  expect([checks.errorOf('a'), checks.errorOf('b')]).toEqual([null, null]);
  error = WRONG;
  await vi.advanceTimersByTimeAsync(5_000);
  expect([checks.errorOf('a'), checks.errorOf('b')]).toEqual([WRONG, null]);
  error = null;
  await vi.advanceTimersByTimeAsync(5_000);
  expect([checks.errorOf('a'), checks.errorOf('b')]).toEqual([null, null]);
  checks.stop();
});

test('a check that hangs is given up, holds up no other, and is not begun again until it ends', async () => {
  let end: () => void = () => {};
  const hang = vi.fn(() => new Promise<void>((resolve) => (end = resolve)));
  const checks = new BackgroundChecks({ a: hang, b: async () => {} }, TIMES);
  const started = checks.start();
  await vi.advanceTimersByTimeAsync(1_000);
  await started;
  expect(checks.errorOf('a')).toBeInstanceOf(TookTooLong);
  expect(checks.errorOf('b')).toBeNull();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(hang).toHaveBeenCalledTimes(1);
  expect(checks.errorOf('a')).toBeInstanceOf(TookTooLong);
  expect(checks.errorOf('b')).toBeNull();
  end();
  while (hang.mock.calls.length < 2) await vi.advanceTimersByTimeAsync(100);
  end();
  await vi.advanceTimersByTimeAsync(0);
  expect(checks.errorOf('a')).toBeNull();
  checks.stop();
});

test('a check that may take long is not too old before the next one has ended', async () => {
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 29_000));
  const checks = new BackgroundChecks({ a: slow }, { everyMs: 5_000, withinMs: 30_000 });
  const started = checks.start();
  await vi.advanceTimersByTimeAsync(29_000);
  await started;
  for (let ms = 0; ms < 100_000; ms += 500) {
    expect(checks.errorOf('a')).toBeNull();
    await vi.advanceTimersByTimeAsync(500);
  }
  checks.stop();
});

test('what the last round said is too old when there are no rounds any more', async () => {
  const checks = new BackgroundChecks({ a: async () => {} }, TIMES);
  await checks.start();
  checks.stop();
  await vi.advanceTimersByTimeAsync(3 * TIMES.everyMs + TIMES.withinMs);
  expect(checks.errorOf('a')).toBeNull();
  await vi.advanceTimersByTimeAsync(1);
  expect(checks.errorOf('a')).toBeInstanceOf(NotChecked);
});
