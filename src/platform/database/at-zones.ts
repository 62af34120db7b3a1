import type { EntityManager } from 'typeorm';
import { shardsOf } from './impatient-pool.js';
import { askEachShard, findInShards } from './each-shard.js';

/**
 * Does something in one zone, at the shard that has it where the database is distributed.
 *
 * @param on a data source; on anything else, such as a transaction, the work is where that is
 */
export function atZone<T>(on: object, zoneId: string, work: () => T): T {
  const shards = shardsOf(on);
  return shards === null ? work() : shards.inZone(zoneId, work);
}

/**
 * Does something about some zones: where the database is distributed, at each shard for those that it has, all at once.
 *
 * @returns what each of them comes to
 * @throws what the first throws that fails, when the others have ended
 */
export async function atZones<T>(
  on: object,
  zoneIds: readonly string[],
  work: (zoneIds: readonly string[]) => Promise<T>,
): Promise<T[]> {
  const shards = shardsOf(on);
  if (shards === null) return [await work(zoneIds)];
  return askEachShard(shards, async (shard) => {
    const there = zoneIds.filter((id) => shards.of(id) === shard);
    return there.length === 0 ? [] : [await work(there)];
  }).then((all) => all.flat());
}

/**
 * Does something about some zones, or about all and what is of none: where the database is distributed, at each shard.
 *
 * @param zoneIds null for all
 * @param work is given those of them that are there
 * @throws as {@link atZones}: what one has not answered is not left out
 */
export async function atAllOrSome<T>(
  on: object,
  zoneIds: readonly string[] | null,
  work: (zoneIds: readonly string[] | null) => Promise<T>,
): Promise<T[]> {
  if (zoneIds !== null) return atZones(on, zoneIds, work);
  return askEachShard(shardsOf(on), () => work(null));
}

/**
 * Finds a row of which the zone is not known: where the database is distributed, in whichever shard has it. The request under
 * way is about that zone from then on.
 *
 * @throws the driver's error; where it is found nobody waits for shards that are away
 */
export async function findInAnyZone<T extends { readonly zoneId: string }>(
  on: object,
  find: () => Promise<T | null>,
): Promise<T | null> {
  const shards = shardsOf(on);
  const found = await findInShards(shards, find);
  if (found !== null) shards?.found(found.zoneId);
  return found;
}

/** Does something about all zones, whatever the request is about that it is done for. */
export function atAllZones<T>(on: object, work: () => T): T {
  const shards = shardsOf(on);
  return shards === null ? work() : shards.inAll(work);
}

/** Whether the connections of a data source are spread over shards. */
export function isSpread(on: object): boolean {
  return shardsOf(on) !== null;
}

/**
 * Does something about rows of several zones in one transaction. In a distributed database a transaction is at home in one
 * shard, where tables of zones have the rows of that; meanwhile they have all, as Citus plans it, wherever they are. Nothing may
 * be asked there that two nodes could answer differently, such as `clock_timestamp()` in what is written.
 *
 * @throws what the work throws; the transaction is then to be undone
 */
export async function acrossZones<T>(tx: EntityManager, work: () => Promise<T>): Promise<T> {
  if (!isSpread(tx.connection)) return work();
  const [before] = await tx.query<{ path: string }[]>(
    `SELECT current_setting('search_path') AS path`,
  );
  await tx.query(SEARCH_IN, ['public']);
  const done = await work();
  await tx.query(SEARCH_IN, [before?.path]);
  return done;
}

/** Like {@link acrossZones}, for rows of one zone, which may be those of the shard in which the transaction is at home. */
export async function alsoAtZone<T>(
  tx: EntityManager,
  zoneId: string,
  work: () => Promise<T>,
): Promise<T> {
  const shards = shardsOf(tx.connection);
  return shards?.current === shards?.of(zoneId) ? work() : acrossZones(tx, work);
}

const SEARCH_IN = `SELECT set_config('search_path', $1, true)`;
