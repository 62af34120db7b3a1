import { describe, expect, test } from 'vitest';
import type { Outcome } from './outcome.js';
import { untilCurrent } from './until-current.js';

const STALE: Outcome = { status: 'stale', zoneId: 'zone' };
const DECIDED: Outcome = { status: 'refused', error: new Error('whatever') };

/** Evaluations that take so many milliseconds each, and come to these outcomes; the last one again and again. */
function evaluations(takes: readonly number[], outcomes: readonly Outcome[]) {
  let clock = 0;
  let count = 0;
  const evaluate = async () => {
    clock += takes[Math.min(count, takes.length - 1)] ?? 0;
    count += 1;
    return outcomes[Math.min(count, outcomes.length) - 1] ?? STALE;
  };
  return { evaluate, now: () => clock, count: () => count };
}

describe('a request whose zone changes', () => {
  test('is evaluated again, also if the first evaluation took longer than a second', async () => {
    const { evaluate, now, count } = evaluations([5_000, 1], [STALE, DECIDED]);
    expect(await untilCurrent(evaluate, now)).toBe(DECIDED);
    expect(count()).toBe(2);
  });

  test('is given up when the zone keeps changing for a second', async () => {
    const { evaluate, now, count } = evaluations([100], [STALE]);
    expect(await untilCurrent(evaluate, now)).toBe(STALE);
    expect(count()).toBe(11);
  });

  test('and when evaluations are slow, after three', async () => {
    const { evaluate, now, count } = evaluations([2_000], [STALE]);
    expect(await untilCurrent(evaluate, now)).toBe(STALE);
    expect(count()).toBe(3);
  });
});
