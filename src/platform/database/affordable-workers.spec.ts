import { expect, test } from 'vitest';
import { affordableWorkers } from './affordable-workers.js';

test.each([
  // Half of the hundred that PostgreSQL has by itself.
  [100, undefined, 64, 3],
  [100, undefined, 2, 2],
  [2_000, undefined, 64, 64],
  [46, undefined, 64, 1],
  [0, undefined, 0, 1],
  // What was given counts, whatever the database has: others may share that.
  [100, 95, 64, 6],
  [2_000, 34, 64, 1],
  [2_000, 35, 64, 2],
])('with max_connections %i and a pool size of %j %i cores get %i workers', (...given) => {
  const [maxConnections, connections, cores, workers] = given;
  expect(affordableWorkers(cores, connections, maxConnections)).toBe(workers);
});
