import * as fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { TalliedHistogram } from './tallied-histogram.js';

const STATED = {
  name: 'seconds',
  help: 'Seconds.',
  labelNames: ['stage'],
  buckets: [0.001, 0.5, 2],
} as const;

const seconds = fc.oneof(
  fc.constantFrom(0, 0.001, 0.5, 2),
  fc.double({ min: 0, max: 3, noNaN: true }),
);
const observations = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), seconds));

test('is read as a histogram of the library with the same observations', async () => {
  await fc.assert(
    fc.asyncProperty(observations, async (some) => {
      const registers = [new Registry(), new Registry()];
      const [ours, theirs] = registers;
      const tallied = new TalliedHistogram({ ...STATED, registers: registers.slice(0, 1) });
      const other = new Histogram({
        ...STATED,
        labelNames: [...STATED.labelNames],
        buckets: [...STATED.buckets],
        registers: registers.slice(1),
      });
      for (const [stage, value] of some) {
        tallied.tally(stage).observe(value);
        other.observe({ stage }, value);
      }

      expect(await ours?.metrics()).toBe(await theirs?.metrics());
      // The library says of each that it has no example, too.
      expect((await other.get()).values).toMatchObject((await tallied.get()).values);
    }),
  );
});
