import { pino } from 'pino';
import { Counter, Gauge } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BackgroundWork } from '../platform/background-work.js';
import { AuditIndexing } from './audit-indexing.service.js';
import { fillIndex } from './index-filling.js';

vi.mock(import('./index-filling.js'));
const filled = vi.mocked(fillIndex);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Has the index filled for a while. @param fill is asked for so many events, and says how many were added */
async function whileFilling(ms: number, fill: (most: number) => number) {
  const lag = new Gauge({ name: 'lag', help: 'lag', registers: [] });
  const indexed = new Counter({ name: 'indexed', help: 'indexed', registers: [] });
  const background = new BackgroundWork();
  filled.mockImplementation(async (_on, most) => fill(most));
  const on = { query: async <T>() => [{ seconds: 7 }] as T, transaction: vi.fn() };
  const indexing = new AuditIndexing(on, pino({ level: 'silent' }), lag, indexed, background, {
    tell: vi.fn(),
  });
  background.startJobs();
  await vi.advanceTimersByTimeAsync(ms);
  indexing.onApplicationShutdown();
  const [known, added] = await Promise.all([lag.get(), indexed.get()]);
  return { lag: known.values[0]?.value, added: added.values[0]?.value };
}

test('tells how far behind it is, however much there is to be added', async () => {
  const { lag } = await whileFilling(1_000, (most) => most);
  expect(lag).toBe(7);
});

test('adds fewer events where many take too long, and more again', async () => {
  const asked: number[] = [];
  const { added } = await whileFilling(300_000, (most) => {
    asked.push(most);
    if (most > 300) throw new Error('canceling statement due to statement timeout');
    return Math.floor(most / 3);
  });
  expect(asked.slice(0, 2)).toEqual([500, 125]);
  expect(added).toBeGreaterThan(0);
  expect(asked.filter((most) => most > 300).length).toBeGreaterThan(2);
});
