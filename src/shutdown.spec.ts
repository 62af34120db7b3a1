import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Shutdown } from './shutdown.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A shutdown that has begun, with a step that never ends. */
function begun(drain: boolean) {
  const end = vi.fn();
  const logger = { info: vi.fn(), error: vi.fn() };
  const times = { drainSeconds: 60, stopSeconds: 10 };
  const shutdown = new Shutdown(logger, times, 500, end);
  shutdown.add(() => new Promise(() => {}));
  shutdown.begin(3, { drain });
  /** Seconds from now until it ends. */
  const endsAfter = async (): Promise<number> => {
    let ms = 0;
    for (; end.mock.calls.length === 0 && ms < 100_000; ms += 500) {
      await vi.advanceTimersByTimeAsync(500);
    }
    return ms / 1_000;
  };
  return { shutdown, end, endsAfter };
}

test('ends within the time to drain and the time to stop together', async () => {
  const { end, endsAfter } = begun(true);
  expect(await endsAfter()).toBe(69.5);
  expect(end.mock.calls).toEqual([[3]]);
});

test('ends within the time to stop where nothing drains', async () => {
  expect(await begun(false).endsAfter()).toBe(9.5);
});

test('what is left of the drain when it is told to hurry is not added to the rest', async () => {
  const { shutdown, endsAfter } = begun(true);
  await vi.advanceTimersByTimeAsync(20_000);
  shutdown.hurry();
  await vi.advanceTimersByTimeAsync(5_000);
  // Told again and again, it takes no longer.
  shutdown.hurry();
  expect(await endsAfter()).toBe(4.5);
});

test('has no more time if it is told to hurry after the drain', async () => {
  const { shutdown, endsAfter } = begun(true);
  await vi.advanceTimersByTimeAsync(65_000);
  shutdown.hurry();
  expect(await endsAfter()).toBe(4.5);
});
