import { pino } from 'pino';
import { Counter, Gauge } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BackgroundWork } from '../platform/background-work.js';
import { AuditIndexing } from './audit-indexing.service.js';

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
  const on = {
    query: async <T>(text: string, values: unknown[] = []) => {
      const rows: unknown = text.includes('audit_index_fill')
        ? [{ added: fill(Number(values[0])) }]
        : [{ seconds: 7 }];
      return rows as T;
    },
  };
  const indexing = new AuditIndexing(on, pino({ level: 'silent' }), lag, indexed, background);
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
  expect(asked.slice(0, 2)).toEqual([1_000, 250]);
  expect(added).toBeGreaterThan(0);
  expect(asked.filter((most) => most > 300).length).toBeGreaterThan(2);
});
