import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutRuns, endOfRun, type LeafRun } from './leaf-runs.js';

/** Runs that follow each other, of lengths. */
function runsOf(lengths: readonly number[]): LeafRun[] {
  let leaf = 0;
  return lengths.map((length, place) => {
    const run = { firstLeaf: leaf, writer: `w${place % 3}`, firstSeq: 10, lastSeq: 9 + length };
    leaf = endOfRun(run);
    return run;
  });
}

const placesIn = (runs: readonly LeafRun[]): string[] =>
  runs.flatMap(({ firstLeaf, writer, firstSeq, lastSeq }) =>
    Array.from(
      { length: lastSeq - firstSeq + 1 },
      (_, n) => `${firstLeaf + n} ${writer} ${firstSeq + n}`,
    ),
  );

test('runs that are cut have the leaves that were asked for, however they lie, and no other', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });
  fc.assert(
    fc.property(lengths, fc.nat(110), fc.integer({ min: 1, max: 40 }), (some, from, most) => {
      const runs = runsOf(some);
      expect(placesIn(cutRuns(runs, from, most))).toEqual(placesIn(runs).slice(from, from + most));
    }),
  );
});
