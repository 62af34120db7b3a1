import { expect, test } from 'vitest';
import { Link } from '../platform/workers/link.js';
import { WorkerFindings } from './worker-findings.js';
import { FOUND, FOUND_BY, type Findings } from './worker-readiness.js';

const UP: Findings = { ledger: { down: null } };
const DOWN: Findings = { ledger: { down: 'broken' } };

/** A primary process, and workers that join it. */
function primary() {
  const findings = new WorkerFindings();
  const join = (number: number, listens = true) => {
    const worker = { listens };
    /** What it was told of others. */
    const told: [number, Findings | null][] = [];
    const unfit: (Findings | null)[] = [];
    const link: Link = new Link((message) => {
      const there: Link = new Link(() => {});
      there.answer(FOUND_BY, ({ worker: of, findings: found }) => void told.push([of, found]));
      there.receive(message);
    });
    const leave = findings.serve({ number, link, isListening: () => worker.listens }, (found) =>
      unfit.push(found),
    );
    const find = (found: Findings | null) =>
      link.receive({ asks: FOUND.name, id: null, body: found });
    return { worker, told, unfit, find, leave };
  };
  return { join };
}

test('what a worker finds is told to the others, to a new one when it has found something itself, and that it is gone', () => {
  const { join } = primary();
  const [one, other] = [join(1), join(2)];
  one.find(UP);
  expect([one.told, other.told]).toEqual([[], [[1, UP]]]);
  other.find(DOWN);
  expect(one.told).toEqual([[2, DOWN]]);
  const third = join(3, false);
  expect(third.told).toEqual([]);
  third.find(UP);
  expect(third.told).toEqual([
    [1, UP],
    [2, DOWN],
  ]);
  other.leave();
  expect(one.told).toEqual([
    [2, DOWN],
    [3, UP],
    [2, null],
  ]);
});

test('a worker is unfit that could not serve three times in a row while another could', () => {
  const { join } = primary();
  const [one, other] = [join(1), join(2)];
  for (const found of [DOWN, DOWN, DOWN]) one.find(found);
  expect(one.unfit).toEqual([null, null, null]);
  other.find(UP);
  for (const found of [DOWN, DOWN, UP, DOWN, DOWN]) one.find(found);
  expect(one.unfit).not.toContain(DOWN);
  one.find(DOWN);
  expect(one.unfit.at(-1)).toBe(DOWN);
  one.worker.listens = false;
  one.find(DOWN);
  expect(one.unfit.at(-1)).toBeNull();
  expect(other.unfit).toEqual([null]);
});
