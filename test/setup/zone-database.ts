import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ZoneShards } from '../../src/platform/database/zone-shards.js';
import { readZoneShards } from '../../src/schema/zone-shards.js';

/** Whether databases are distributed (`CITUS_URL`), which a test file says before it asks anything. */
let distributed = false;

/** What is known of a database. */
interface Known {
  /** Null on one that is not distributed, as the older ones are that are brought up to date. */
  readonly shards: ZoneShards | null;
  /** Which ids are of zones. */
  readonly zones: Map<string, boolean>;
}

const known = new Map<string, Promise<Known>>();

/** Has statements that name a zone be asked at the shard that has it. */
export function askAtShards(nodeUrls: readonly string[]): void {
  distributed = nodeUrls.length > 0;
}

/**
 * Where the tables of a zone are, for statements and functions that are of one zone: the database itself, or, where it is
 * distributed, the shard that has the zone.
 *
 * @param databaseUrl whose shards are where they were when it was asked first
 */
export async function databaseOf(databaseUrl: string, zoneId: string): Promise<string> {
  if (!distributed) return databaseUrl;
  const { shards } = await knownOf(databaseUrl);
  return shards === null ? databaseUrl : shards.urlOf(shards.of(zoneId));
}

/** Each server that a database is on: the one, or every node over which it is distributed. */
export async function serversOf(databaseUrl: string): Promise<string[]> {
  if (!distributed) return [databaseUrl];
  const { shards } = await knownOf(databaseUrl);
  return shards === null ? [databaseUrl] : shards.nodeUrls();
}

/** An id of no zone, whose tables would be where those of another id are. */
export async function idBeside(databaseUrl: string, zoneId: string): Promise<string> {
  const home = await databaseOf(databaseUrl, zoneId);
  for (;;) {
    const id = randomUUID();
    // oxlint-disable-next-line no-await-in-loop
    if ((await databaseOf(databaseUrl, id)) === home) return id;
  }
}

/** Ids of no zones, one in each place where tables of zones are. */
export async function idInEach(databaseUrl: string): Promise<string[]> {
  const shards = distributed ? (await knownOf(databaseUrl)).shards : null;
  const found = new Map<unknown, string>();
  while (found.size < (shards?.all.length ?? 1)) {
    const id = randomUUID();
    found.set(shards?.of(id), id);
  }
  return [...found.values()];
}

/** A table of a zone by a name that is of no view: for what is done to tables, and not to their rows. */
export async function tableOf(databaseUrl: string, zoneId: string, table: string): Promise<string> {
  if (!distributed) return table;
  const { shards } = await knownOf(databaseUrl);
  if (shards === null) return table;
  const [row] = await ask(databaseUrl, (client) =>
    client
      .query<{ name: string }>(PLACE, [table, shards.of(zoneId).id])
      .then((found) => found.rows),
  );
  if (row === undefined) throw new Error(`the table ${table} is of no zone`);
  return row.name;
}

/** The shard of a table that goes with one of zones. */
const PLACE = `
  SELECT format('public.%I', $1 || '_' || s.shardid) AS name
    FROM pg_dist_shard s JOIN pg_dist_shard z USING (shardminvalue)
   WHERE s.logicalrelid = ('public.' || $1)::regclass AND z.shardid = $2`;

/** How many connections all requests of a replica share that are about what is where a zone is (`pool-sizes.ts`). */
export function sharedConnections(): number {
  return distributed ? 4 : 8;
}

/**
 * Where a statement is asked: at the shard of the only zone that it names, in its text or its values; else where it was to be.
 */
export async function homeOf(
  databaseUrl: string,
  text: string,
  values: readonly unknown[],
): Promise<string> {
  if (!distributed || new URL(databaseUrl).searchParams.has('options')) return databaseUrl;
  if (/^\s*(CREATE|ALTER|DROP|GRANT)|\b(pg_dist|citus)_/i.test(text)) return databaseUrl;
  const ids = new Set(`${text} ${JSON.stringify(values)}`.match(UUID));
  if (ids.size === 0) return databaseUrl;
  const { shards, zones } = await knownOf(databaseUrl);
  if (shards === null) return databaseUrl;
  const unknown = [...ids].filter((id) => !zones.has(id));
  if (unknown.length > 0) {
    const { rows } = await ask(databaseUrl, (client) =>
      client.query<{ id: string }>(LISTED, [unknown]),
    );
    for (const id of unknown)
      zones.set(
        id,
        rows.some((row) => row.id === id),
      );
  }
  const [zone, ...more] = [...ids].filter((id) => zones.get(id) === true);
  return zone === undefined || more.length > 0 ? databaseUrl : shards.urlOf(shards.of(zone));
}

/** Has it looked up again where the shards of a database are. */
export function forgetHomes(databaseUrl: string): void {
  known.delete(databaseUrl);
}

const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g;
const LISTED = 'SELECT zone_id AS id FROM zone_directory WHERE zone_id = ANY ($1::uuid[])';

function knownOf(databaseUrl: string): Promise<Known> {
  const read = known.get(databaseUrl) ?? readKnown(databaseUrl);
  known.set(databaseUrl, read);
  return read;
}

async function readKnown(databaseUrl: string): Promise<Known> {
  const map = await ask(databaseUrl, (client) => readZoneShards(client, databaseUrl));
  return { shards: map === null ? null : new ZoneShards(map), zones: new Map() };
}

async function ask<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
