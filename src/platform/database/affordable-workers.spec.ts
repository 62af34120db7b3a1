import { expect, test } from 'vitest';
import { workersWithin } from './affordable-workers.js';

test.each([
  // Half of the hundred that PostgreSQL has by itself.
  [50, 64, 3],
  [50, 2, 2],
  [1_000, 64, 64],
  [23, 64, 1],
  [0, 0, 1],
])('with %i connections %i cores get %i workers', (connections, cores, workers) => {
  expect(workersWithin(connections, cores)).toBe(workers);
});
