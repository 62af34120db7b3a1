import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import type * as ZoneShardsSetUp from '../../src/schema/zone-shards.js';
import { rows, withClient } from './databases.js';

/** How often a database is asked to let go of those that are connected to it before it is copied. */
const TRIES = 50;
/** Milliseconds for a connection to a node. */
const CONNECT_MS = 10_000;

/** Where the nodes of a cluster of Citus are: the databases that the coordinator of `CITUS_URL` knows, itself first. */
export async function nodesOf(citusUrl: string): Promise<string[]> {
  const nodes = await rows<{ host: string; port: number }>(
    citusUrl,
    'SELECT nodename AS host, nodeport AS port FROM pg_dist_node ORDER BY groupid',
  );
  return nodes.map(({ host, port }) => at(citusUrl, { host, port, database: 'postgres' }));
}

/**
 * Makes a database that is distributed over the nodes, with all tables and nothing in them, to be copied.
 *
 * @param nodeUrls the coordinator first
 * @param migrate what `mandate migrate --distribute` is run as, given the URL of the database
 */
export async function makeDistributedTemplate(
  nodeUrls: readonly string[],
  name: string,
  cli: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const url of nodeUrls) {
    await withClient(url, (client) => client.query(`CREATE DATABASE ${name}`));
    await withClient(at(url, { database: name }), (client) =>
      client.query('CREATE EXTENSION citus'),
    );
  }
  const [coordinator = '', ...workers] = nodeUrls.map((url) => at(url, { database: name }));
  await withClient(coordinator, async (client) => {
    await client.query('SET citus.shard_count = 4');
    await client.query('SELECT citus_set_coordinator_host($1, $2)', placeOf(coordinator));
    for (const worker of workers)
      await client.query('SELECT citus_add_node($1, $2)', placeOf(worker));
    // So many tables with more shards would take minutes.
    await client.query(`ALTER DATABASE ${name} SET citus.shard_count = 4`);
  });
  execFileSync(process.execPath, [cli, 'migrate', '--distribute'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...env, DATABASE_URL: coordinator },
  });
  // As the first server does, so that none has to, and tests can be at a shard where no server was. It is the built one, which
  // has its SQL beside it.
  const { prepareZoneShards, readZoneShards } = (await import(
    new URL('schema/zone-shards.js', pathToFileURL(cli)).href
  )) as typeof ZoneShardsSetUp;
  const map = await withClient(coordinator, (client) => readZoneShards(client, coordinator));
  if (map === null) throw new Error('the database is not distributed');
  await prepareZoneShards(map, CONNECT_MS, (_node, error) => {
    throw error;
  });
  for (const url of nodeUrls) {
    await withClient(url, (client) =>
      client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`),
    );
  }
}

/** Copies a distributed database, in which nothing happens, on each of its nodes by itself. */
export async function copyDistributed(
  nodeUrls: readonly string[],
  name: string,
  options: string,
): Promise<void> {
  const template = /TEMPLATE (\w+)/.exec(options)?.[1] ?? '';
  await Promise.all(
    nodeUrls.map((url) =>
      withClient(url, async (client) => {
        await copy(client, template, `CREATE DATABASE ${name} ${options}`);
        // Settings of a database are not copied with it.
        for (const setting of SETTINGS) await client.query(`ALTER DATABASE ${name} SET ${setting}`);
      }),
    ),
  );
}

const SETTINGS = [
  'citus.enable_unsafe_triggers = on',
  'citus.allow_nested_distributed_execution = on',
];

/** A process of Citus looks after each database, and comes back when it was ended. */
async function copy(client: pg.Client, template: string, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [template],
    );
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const inUse = error instanceof pg.DatabaseError && error.code === '55006';
      if (!inUse || tries >= TRIES) throw error;
      await sleep(100);
    }
  }
}

interface Place {
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
}

/** A URL as another one, but at another place. */
export function at(base: string, { host, port, database }: Place): string {
  const url = new URL(base);
  if (host !== undefined) url.hostname = host;
  if (port !== undefined) url.port = String(port);
  if (database !== undefined) url.pathname = `/${database}`;
  return url.href;
}

function placeOf(url: string): [string, number] {
  const { hostname, port } = new URL(url);
  return [hostname, Number(port)];
}
