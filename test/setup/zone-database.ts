import { inject } from 'vitest';
import { ZoneShards } from '../../src/platform/database/zone-shards.js';
import { readZoneShards } from '../../src/schema/zone-shards.js';
import { withClient } from './databases.js';

const known = new Map<string, Promise<ZoneShards | null>>();

/**
 * Where the tables of a zone are, for statements and functions that are of one zone: the database itself, or, where it is
 * distributed, the shard that has the zone.
 *
 * @param databaseUrl whose shards are where they were when it was asked first
 */
export async function databaseOf(databaseUrl: string, zoneId: string): Promise<string> {
  if (inject('nodeUrls').length === 0) return databaseUrl;
  const read = known.get(databaseUrl) ?? readShards(databaseUrl);
  known.set(databaseUrl, read);
  const shards = await read;
  return shards === null ? databaseUrl : shards.urlOf(shards.of(zoneId));
}

async function readShards(databaseUrl: string): Promise<ZoneShards | null> {
  const map = await withClient(databaseUrl, (client) => readZoneShards(client, databaseUrl));
  return map === null ? null : new ZoneShards(map);
}
