import type { ZoneShard } from './zone-shard.js';
import type { ZoneShards } from './zone-shards.js';

/**
 * Does the share of a repeated job that each shard has: at once, so that one that is away holds up no other.
 *
 * @param run must not reject
 * @returns the least of what it returns, milliseconds until the next run
 */
export async function inEachShard(
  shards: ZoneShards | null,
  run: () => Promise<number>,
): Promise<number> {
  if (shards === null) return run();
  return Math.min(...(await Promise.all(shards.all.map((shard) => shards.inShard(shard, run)))));
}

/**
 * Asks each shard by itself, all at once: what is done in others is done although one is away.
 *
 * @param ask is given the shard; `null` for all of a plain server
 * @param first which of them is asked first, counted from 0
 * @returns the answers, when all have ended
 * @throws what the first one threw that could not be asked
 */
export async function askEachShard<A>(
  shards: ZoneShards | null,
  ask: (shard: ZoneShard | null) => Promise<A>,
  first = 0,
): Promise<A[]> {
  if (shards === null) return [await ask(null)];
  const inTurn = [...shards.all.slice(first), ...shards.all.slice(0, first)];
  const asked = await Promise.allSettled(
    inTurn.map((shard) => shards.inShard(shard, () => ask(shard))),
  );
  return asked.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/**
 * Asks each shard by itself for what one of them may have.
 *
 * @param ask resolves to null where it is not
 * @returns the first that was found, though others are away; null if none has it
 * @throws what the first one threw that could not be asked, if no other has it
 */
export async function findInShards<A>(
  shards: ZoneShards | null,
  ask: () => Promise<A | null>,
): Promise<A | null> {
  if (shards === null) return ask();
  const asked = shards.all.map((shard) => shards.inShard(shard, ask));
  const firstFound = asked.map(async (one) => {
    const found = await one;
    if (found === null) throw new Error('it is not there');
    return found;
  });
  return Promise.any(firstFound).catch(async () => {
    await Promise.all(asked);
    return null;
  });
}
