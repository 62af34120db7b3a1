import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { timeLimits } from '../platform/config/time-limits.js';
import { CommitCheck } from './commit-check.service.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('writes nothing while mandates are recorded, and again when none was for five seconds', async () => {
  const ledger = { issuedAt: null as number | null, probe: vi.fn(() => Promise.resolve()) };
  const query = vi.fn(() => Promise.resolve([]));
  const check = new CommitCheck(ledger, { query } as never, { limits: timeLimits() });
  await check.run();
  expect([ledger.probe.mock.calls.length, query.mock.calls.length]).toEqual([1, 1]);
  ledger.issuedAt = performance.now();
  for (const ms of [0, 1_000, 3_999]) {
    vi.advanceTimersByTime(ms);
    await check.run();
  }
  expect([ledger.probe.mock.calls.length, query.mock.calls.length]).toEqual([1, 1]);
  vi.advanceTimersByTime(1);
  await check.run();
  expect([ledger.probe.mock.calls.length, query.mock.calls.length]).toEqual([2, 2]);
});
