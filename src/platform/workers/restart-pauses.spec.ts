import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RestartPauses } from './restart-pauses.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('there is no pause at first, and then ever longer ones, each worker by itself', () => {
  const pauses = new RestartPauses();
  const nine = Array.from({ length: 9 }, () => pauses.before(1, null));
  expect(nine).toEqual([0, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  expect(pauses.before(2, null)).toBe(0);
});

test('a worker that answered for a while is replaced without a pause', () => {
  const pauses = new RestartPauses();
  const started = performance.now();
  pauses.before(1, started);
  expect(pauses.before(1, started)).toBe(200);
  vi.advanceTimersByTime(20_000);
  expect(pauses.before(1, started)).toBe(0);
  expect(pauses.before(1, performance.now())).toBe(200);
});
