import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeDatabase, rows, withClient } from '../../test/setup/databases.js';
import { makeDistributedTemplate, nodesOf } from '../../test/setup/distributed-databases.js';
import { askAtShards } from '../../test/setup/zone-database.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

/** The nodes of a cluster, and two databases that were made there for a measurement. */
export interface Nodes {
  /** The database that is distributed, at the coordinator, and at each worker. */
  readonly coordinator: string;
  readonly workers: readonly string[];
  /** One on the node of the coordinator that is not distributed. */
  readonly plain: string;
  /** The postmaster of the coordinator, then those of the workers. */
  readonly postmasters: readonly number[];
  /** Drops both. */
  drop(): Promise<void>;
}

/**
 * Makes the databases, the distributed one with all tables.
 *
 * @param citusUrl the coordinator of a cluster with two workers or more, all on this machine; a superuser
 */
export async function makeNodes(citusUrl: string): Promise<Nodes> {
  const servers = await nodesOf(citusUrl);
  const [server = '', ...others] = servers;
  if (others.length < 2) throw new Error('the cluster has no two workers');
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  await makeDistributedTemplate(servers, name, CLI, process.env);
  for (const each of servers) await rows(each, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  const plain = await makeDatabase(server);
  askAtShards(servers);
  const [coordinator = '', ...workers] = servers.map((each) => named(each, name));
  const postmasters = await Promise.all(servers.map(postmasterOf));
  const drop = async () => {
    for (const each of servers) await rows(each, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await rows(server, `DROP DATABASE IF EXISTS ${nameOf(plain)} WITH (FORCE)`);
  };
  return { coordinator, workers, plain, postmasters, drop };
}

/** The worker that has a zone, counted from 0, wherever it is now. */
export async function workerOf({ coordinator }: Nodes, zoneId: string): Promise<number> {
  const [place] = await rows<{ worker: number }>(
    coordinator,
    `SELECT (SELECT count(*) FROM pg_dist_node w WHERE w.groupid > 0 AND w.groupid < p.groupid)::integer AS worker
       FROM pg_dist_placement p WHERE p.shardid = get_shard_id_for_distribution_column('zones', $1::uuid)`,
    [zoneId],
  );
  return place?.worker ?? -1;
}

/** Has the nodes find a worker at another address from now on. */
export async function readdress({ coordinator }: Nodes, worker: string, to: string): Promise<void> {
  const { hostname, port } = new URL(to);
  await rows(
    coordinator,
    'SELECT citus_update_node(nodeid, $1, $2) FROM pg_dist_node WHERE nodeport = $3',
    [hostname, Number(port), Number(new URL(worker).port)],
  );
  await rows(coordinator, 'SELECT start_metadata_sync_to_all_nodes()');
}

/** The process that has forked all backends of a server. */
function postmasterOf(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const found = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const stat = readFileSync(`/proc/${String(found.rows[0]?.pid)}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  });
}

function named(base: string, database: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  return url.href;
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
