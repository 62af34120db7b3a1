import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { zoneHash } from '../platform/database/zone-hash.js';
import type { NodePlace, ZoneShard } from '../platform/database/zone-shard.js';
import { ZoneShards, type ZoneShardMap } from '../platform/database/zone-shards.js';
import { isDatabaseAway } from '../platform/http/database-error.js';
import { openConnection } from './schema-connection.js';

/** Milliseconds after which a node that says nothing more is away: to make all views of one takes some seconds. */
const PREPARE_MS = 60_000;

/**
 * Reads whether the database is distributed, and where its shards are.
 *
 * @returns `null` for a plain server, and for Citus where `zones` is a table like others
 * @throws the driver's error
 */
export async function readZoneShards(
  client: pg.Client,
  databaseUrl: string,
): Promise<ZoneShardMap | null> {
  const there = await client.query(
    `SELECT WHERE to_regclass('pg_catalog.pg_dist_shard') IS NOT NULL`,
  );
  if (there.rowCount === 0) return null;
  const { rows } = await client.query<ZoneShard>(SHARDS);
  if (rows.length === 0) return null;
  const hashes = await client.query<{ hash: number }>('SELECT uuid_hash($1) AS hash', [SAMPLE]);
  if (hashes.rows[0]?.hash !== zoneHash(SAMPLE)) {
    throw new Error('the database hashes ids of zones otherwise than this process does');
  }
  return { databaseUrl, coordinatorUrl: await readCoordinator(client, databaseUrl), shards: rows };
}

/**
 * Gives each node what sessions need that work on one of its shards (zone-shards.sql), where it has not got it.
 *
 * @param map with a user and a database that each node has
 * @param told of each node that is away, and why it is believed to be
 * @param only those nodes, as `host:port`; all if absent
 * @returns the map, with the nodes that are away as not ready
 * @throws the driver's error of a node that has answered, and cannot be given it
 */
export async function prepareZoneShards(
  map: ZoneShardMap,
  connectMs: number,
  told: (node: NodePlace, error: unknown) => void,
  only?: ReadonlySet<string>,
): Promise<ZoneShardMap> {
  const text = await readFile(new URL('zone-shards.sql', import.meta.url), 'utf8');
  const unready: NodePlace[] = [];
  for (const node of new ZoneShards({ ...map, unready: [] }).shardUrls()) {
    if (only?.has(new URL(node).host) === false) continue;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other: a start has no need of many connections
      await prepareNode(node, text, connectMs);
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      const { hostname: host, port } = new URL(node);
      const place = { host, port: Number(port) };
      unready.push(place);
      told(place, error);
    }
  }
  return { ...map, unready };
}

async function prepareNode(url: string, text: string, connectMs: number): Promise<void> {
  const client = await openConnection(url, connectMs, PREPARE_MS);
  try {
    await client.query(
      'SET citus.enable_ddl_propagation = off; SET citus.enable_manual_changes_to_shards = on',
    );
    await client.query(`BEGIN; ${text}; COMMIT`);
  } finally {
    // Not awaited: one that is silent does not answer a goodbye.
    void client.end().catch(() => {});
  }
}

/** The same URL, or that of the coordinator with all else that is in it, where it names a worker. */
async function readCoordinator(client: pg.Client, databaseUrl: string): Promise<string> {
  const { rows } = await client.query<NodePlace>(COORDINATOR);
  const [coordinator] = rows;
  if (coordinator === undefined) return databaseUrl;
  const url = new URL(databaseUrl);
  url.hostname = coordinator.host;
  url.port = String(coordinator.port);
  return url.href;
}

const COORDINATOR = `SELECT nodename AS host, nodeport AS port FROM pg_dist_node
  WHERE groupid = 0 AND NOT EXISTS (SELECT FROM pg_dist_local_group WHERE groupid = 0)`;

const SAMPLE = '0192d5f0-1234-7abc-8def-0123456789ab';

const SHARDS = `
  SELECT s.shardid::integer AS id, s.shardminvalue::integer AS "from", s.shardmaxvalue::integer AS "to",
         n.nodename AS host, n.nodeport AS port
    FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
   WHERE s.logicalrelid = 'public.zones'::regclass AND n.noderole = 'primary'
   ORDER BY 2`;
