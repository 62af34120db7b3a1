import { expect, test } from 'vitest';
import { connectionsOf, poolSizes } from './pool-sizes.js';

test.each([
  [1, 27],
  [2, 35],
  [4, 65],
  [64, 965],
])('%i workers take %i connections at most', (workers, connections) => {
  expect(connectionsOf(workers)).toBe(connections);
});

test.each([1, 2, 3, 4, 8, 256])('of %i workers each leaves connections to others', (workers) => {
  const { shared, zoneReads, graph, ordinary, urgent, changing, reading } = poolSizes(workers);
  expect(zoneReads.inAll).toBeLessThan(shared);
  expect(zoneReads.ofOneZone).toBeLessThan(zoneReads.inAll);
  expect(graph.changes + graph.uses).toBeLessThan(shared);
  expect(ordinary + urgent).toBeLessThan(changing);
  for (const least of [zoneReads.ofOneZone, graph.changes, graph.uses, ordinary, urgent, reading]) {
    expect(Number.isInteger(least) && least > 0).toBe(true);
  }
});
