import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rationOf } from './ration.js';

test.each([
  [[], 10, Infinity],
  [[3, 7], 10, Infinity],
  [[12], 10, 10],
  [[9, 1, 9], 10, 4.5],
  [[100, 2, 100, 3], 25, 10],
])('of what has %j, in room for %d', (sizes, room, ration) => {
  expect(rationOf(sizes, room)).toBe(ration);
});

test('all have no more than there is room for, it is used up, and nobody goes without for one that has less', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 5_000 }), (all, room) => {
      const ration = rationOf(all, room);
      const kept = all.map((size) => Math.min(size, ration));
      const sum = kept.reduce((total, size) => total + size, 0);
      expect(sum).toBeLessThanOrEqual(room + 1e-6);
      if (ration === Infinity) expect(kept).toEqual(all);
      else expect(sum).toBeCloseTo(room, 6);
      for (const [n, size] of all.entries()) {
        // An equal share is everybody's own.
        if (size <= room / all.length) expect(kept[n]).toBe(size);
      }
    }),
  );
});
