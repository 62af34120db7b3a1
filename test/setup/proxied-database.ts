import { rows } from './databases.js';
import { at } from './distributed-databases.js';
import { readNodes } from './database-nodes.js';
import { startProxy, type Proxy } from './proxy.js';
import { databaseOf } from './zone-database.js';

/** A way to a database through proxies: one, or one to each node where it is distributed. */
export interface ProxiedDatabase {
  /** For the replica whose way it is. Others that know the database by its own URL are not concerned. */
  readonly url: string;
  /** The proxy before the server that has the rows of a zone. */
  readonly before: (zoneId: string) => Promise<Proxy>;
  /** Forwards again whatever was shut. */
  readonly open: () => void;
  readonly close: () => Promise<void>;
}

/** Puts proxies before a database. Where it is distributed, one of its workers is told of them instead of the nodes. */
export async function proxyDatabase(databaseUrl: string): Promise<ProxiedDatabase> {
  const nodes = await readNodes(databaseUrl);
  const ways = await Promise.all(
    (nodes.length === 0 ? [null] : nodes).map(async (node) => {
      const server = node === null ? databaseUrl : at(databaseUrl, node);
      return { node, server, proxy: await startProxy() };
    }),
  );
  const open = (): void => {
    for (const { server, proxy } of ways) proxy.forwardTo(server);
  };
  open();
  const first = ways.find(({ node }) => node === null || node.group > 0);
  if (first === undefined) throw new Error('there is no worker');
  for (const { node, server, proxy } of ways) {
    if (node === null) continue;
    // oxlint-disable-next-line no-await-in-loop
    await rows(first.server, 'UPDATE pg_dist_node SET nodeport = $2 WHERE nodeid = $1', [
      node.id,
      Number(new URL(proxy.urlFor(server)).port),
    ]);
  }
  return {
    url: first.proxy.urlFor(first.server),
    async before(zoneId) {
      const home = new URL(await databaseOf(databaseUrl, zoneId)).host;
      const way = ways.find(({ server }) => new URL(server).host === home);
      if (way === undefined) throw new Error('the zone is at no server');
      return way.proxy;
    },
    open,
    async close() {
      await Promise.all(ways.map(({ proxy }) => proxy.close()));
    },
  };
}
