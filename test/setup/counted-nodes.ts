import { startCountingProxy, type CountingProxy } from '../../bench/measure/counting-proxy.js';
import { readNodes } from './database-nodes.js';
import { rows } from './databases.js';
import { at } from './distributed-databases.js';

/**
 * A way to a database that counts round trips. Where it is distributed, it leads to a worker that is told of such a way to
 * each node: who begins there counts whatever node is asked, and others go on as before.
 */
export async function countRoundTrips(databaseUrl: string): Promise<CountingProxy> {
  const nodes = await readNodes(databaseUrl);
  if (nodes.length === 0) return startCountingProxy(databaseUrl);
  const ways = await Promise.all(
    nodes.map(async (node) => ({ node, way: await startCountingProxy(at(databaseUrl, node)) })),
  );
  const first = ways.find(({ node }) => node.group > 0);
  if (first === undefined) throw new Error('there is no worker');
  for (const { node, way } of ways) {
    // oxlint-disable-next-line no-await-in-loop
    await rows(
      at(databaseUrl, first.node),
      'UPDATE pg_dist_node SET nodeport = $2 WHERE nodeid = $1',
      [node.id, Number(new URL(way.url).port)],
    );
  }
  return {
    url: first.way.url,
    roundTrips: () => ways.reduce((sum, { way }) => sum + way.roundTrips(), 0),
    close() {
      for (const { way } of ways) way.close();
    },
  };
}
