import { rows } from './databases.js';
import { until } from './process.js';
import { startProxy, type Proxy } from './proxy.js';
import type { TestZone } from './zone.js';

/** A distributed database of which one worker is behind a proxy, for the other nodes as well. */
export interface ProxiedWorker {
  readonly proxy: Proxy;
  /** The database at the worker, past the proxy. */
  readonly url: string;
  /** The database at another worker. */
  readonly otherUrl: string;
  /** Whether a zone is at the worker. */
  has(zone: Pick<TestZone, 'zoneId'>): Promise<boolean>;
}

/** Puts a proxy before the first worker. @param databaseUrl of the coordinator */
export async function proxyWorker(databaseUrl: string): Promise<ProxiedWorker> {
  const [behind, other] = await rows<{ id: number; host: string; port: number }>(
    databaseUrl,
    'SELECT nodeid AS id, nodename AS host, nodeport AS port FROM pg_dist_node WHERE groupid > 0 ORDER BY groupid',
  );
  if (behind === undefined || other === undefined) throw new Error('there are no two workers');
  const at = ({ host, port }: { readonly host: string; readonly port: number }): string => {
    const url = new URL(databaseUrl);
    url.hostname = host;
    url.port = String(port);
    return url.href;
  };
  const proxy = await startProxy();
  const url = at(behind);
  proxy.forwardTo(url);
  const { hostname, port } = new URL(proxy.urlFor(url));
  await rows(databaseUrl, 'SELECT citus_update_node($1, $2, $3)', [behind.id, hostname, port]);
  // Citus does so by itself, too, and one of both gives way.
  await until(async () => {
    await rows(databaseUrl, 'SELECT start_metadata_sync_to_all_nodes()');
    return true;
  });
  return {
    proxy,
    url,
    otherUrl: at(other),
    has: async ({ zoneId }) => (await rows(databaseUrl, IS_AT, [zoneId, behind.id])).length > 0,
  };
}

const IS_AT = `SELECT FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
 WHERE p.shardid = get_shard_id_for_distribution_column('zones', $1::uuid) AND n.nodeid = $2`;
