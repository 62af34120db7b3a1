import { expect, test } from 'vitest';
import { matches } from './narrow.js';

test('who takes which place is found without comparing any two of them twice', () => {
  const seen: string[] = [];
  // Each fits where those before it have settled already, so each makes all of them move.
  const isWithin = (inner: number, outer: number) => {
    seen.push(`${inner} ${outer}`);
    return outer <= inner + 1;
  };
  expect(matches(10, 10, (inner, outer) => isWithin(9 - inner, outer))).toBe(true);
  expect(matches(10, 10, isWithin)).toBe(true);
  expect(seen.length).toBeLessThanOrEqual(200);
  seen.length = 0;
  expect(matches(10, 10, isWithin)).toBe(true);
  expect(new Set(seen).size).toBe(seen.length);
});
