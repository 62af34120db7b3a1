import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { delayAfter, MAX_ATTEMPTS } from './retry-schedule.js';

test('waits longer after each attempt, and ends', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, random) => {
        const delay = delayAfter(n, random);
        const next = delayAfter(n + 1, 1 - random);
        if (n >= MAX_ATTEMPTS) expect(delay).toBeNull();
        else expect(delay).toBeGreaterThan(3);
        if (next !== null) expect(next).toBeGreaterThan(delay ?? Number.NaN);
      },
    ),
  );
});
