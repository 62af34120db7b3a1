import { Turns, type TurnLimits } from '../turns.js';
import { PerShard } from './shard-scope.js';
import type { ZoneShards } from './zone-shards.js';

/**
 * {@link Turns} of what is done in zones, each of which is a key. Where the database is distributed, the limits are those
 * of each shard: a worker that hangs keeps all turns that it has, so those of zones elsewhere are others. What goes on in
 * all is bounded by the number of shards then, as the connections to them are.
 */
export class ShardTurns {
  private readonly turns: PerShard<Turns>;

  constructor(
    private readonly shards: ZoneShards | null,
    limits: TurnLimits,
  ) {
    this.turns = new PerShard(() => new Turns(limits));
  }

  /**
   * Does something in a zone when its turn comes, as {@link Turns.take} does.
   *
   * @param key what has its bound, if that is not the zone as a whole
   */
  take<T>(zoneId: string, asker: string, job: () => Promise<T>, key = zoneId): Promise<T> {
    const take = () => this.turns.current.take(key, asker, job);
    return this.shards === null ? take() : this.shards.inZone(zoneId, take);
  }
}
