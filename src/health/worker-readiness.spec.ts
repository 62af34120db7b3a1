import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Link } from '../platform/workers/link.js';
import { FOUND_BY, isFine, WorkerReadiness, type Findings } from './worker-readiness.js';

const TIMES = { everyMs: 5_000, withinMs: 1_000 };
const UP: Findings = { ledger: { down: null }, policy: { down: null, brokenZones: 1 } };
const DOWN: Findings = { ledger: { down: 'broken' }, policy: { down: null, brokenZones: 3 } };

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function worker() {
  const here: Link = new Link(() => {});
  const readiness = new WorkerReadiness(here, TIMES);
  // What the primary process passes on.
  const hear = (from: number, findings: Findings | null) => {
    here.receive({ asks: FOUND_BY.name, id: null, body: { worker: from, findings } });
  };
  return { readiness, hear };
}

test('a check passes if it does in every worker', () => {
  const { readiness, hear } = worker();
  expect(readiness.ofAll(UP)).toEqual(UP);
  hear(2, UP);
  expect(readiness.ofAll(UP)).toEqual(UP);
  hear(3, DOWN);
  expect(readiness.ofAll(UP)).toEqual(DOWN);
  expect(readiness.count).toBe(3);
  hear(3, null);
  expect([isFine(readiness.ofAll(UP)), readiness.count]).toEqual([true, 2]);
});

test('a worker that says nothing any more does not serve, until it is gone', () => {
  const { readiness, hear } = worker();
  hear(2, UP);
  vi.advanceTimersByTime(3 * TIMES.everyMs + TIMES.withinMs);
  expect(isFine(readiness.ofAll(UP))).toBe(true);
  vi.advanceTimersByTime(1);
  expect(readiness.ofAll(UP)).toMatchObject({ workers: { down: 'a worker does not answer' } });
  hear(2, null);
  expect(isFine(readiness.ofAll(UP))).toBe(true);
});
