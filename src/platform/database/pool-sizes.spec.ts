import { expect, test } from 'vitest';
import { connectionsOf, connectionsToShard, leastConnections, poolSizes } from './pool-sizes.js';

const SHARD = { from: 0, to: 0, host: '127.0.0.1', port: 1 };

test.each([
  [1, 27],
  [2, 35],
  [4, 65],
  [64, 965],
])('%i workers take %i connections at most', (workers, connections) => {
  expect(connectionsOf({ workers, connections: undefined })).toBe(connections);
});

test.each([
  [1, undefined],
  [1, 20],
  [1, 23],
  [1, 1_000],
  [2, undefined],
  [2, 36],
  [8, 200],
  [256, undefined],
])('of %i workers with %j connections each leaves connections to others', (workers, given) => {
  const sizes = poolSizes({ workers, connections: given });
  const { shared, zoneReads, graph, ordinary, urgent, changing, reading } = sizes;
  expect(zoneReads.inAll).toBeLessThan(shared);
  expect(zoneReads.ofOneZone).toBeLessThan(zoneReads.inAll);
  expect(graph.changes + graph.uses).toBeLessThan(shared);
  expect(ordinary + urgent).toBeLessThan(changing);
  const least = [zoneReads.ofOneZone, graph.changes, graph.uses, ordinary, urgent, reading];
  for (const size of [...least, sizes.signals])
    expect(Number.isInteger(size) && size > 0).toBe(true);
});

test.each([1, 2, 4, 32, 128])('of %i shards, each leaves connections to others', (count) => {
  const shards = Array.from({ length: count }, (_, id) => ({ id, ...SHARD }));
  const sizes = poolSizes({ workers: 1, connections: undefined, zoneShards: { shards } });
  const { shared, zoneReads, graph, signals, ordinary, urgent, changing } = sizes;
  const [toAsk, toChange] = [shared, changing].map((all) => connectionsToShard(all, count));
  expect(zoneReads.inAll).toBeLessThan(Number(toAsk));
  expect(zoneReads.ofOneZone).toBeLessThan(zoneReads.inAll);
  expect(graph.changes + graph.uses).toBeLessThan(Number(toAsk));
  expect(ordinary + urgent).toBeLessThan(Number(toChange));
  for (const size of [zoneReads.ofOneZone, graph.changes, graph.uses, signals, ordinary, urgent])
    expect(Number.isInteger(size) && size > 0).toBe(true);
});

test('takes as many as it may, and no more, however they are divided', () => {
  for (let workers = 1; workers <= 5; workers += 1) {
    for (let connections = leastConnections(workers); connections < 200; connections += 1) {
      const { shared, changing, reading } = poolSizes({ workers, connections });
      const taken = workers * (shared + changing + reading + 5) + 5;
      expect(taken).toBeLessThanOrEqual(connections);
      expect(taken).toBeGreaterThan(connections - workers);
    }
  }
});

test('gives one process what it always had, and what is beyond that to all requests', () => {
  const alone = poolSizes({ workers: 1, connections: undefined });
  expect(alone).toEqual({
    shared: 8,
    zoneReads: { inAll: 6, ofOneZone: 3 },
    graph: { changes: 3, uses: 2 },
    signals: 2,
    ordinary: 3,
    urgent: 2,
    changing: 6,
    reading: 3,
  });
  expect(poolSizes({ workers: 1, connections: 127 })).toEqual({
    ...alone,
    shared: 108,
    zoneReads: { inAll: 106, ofOneZone: 53 },
    graph: { changes: 40, uses: 27 },
    signals: 27,
  });
});
