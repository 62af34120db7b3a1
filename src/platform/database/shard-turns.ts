import { Turns, type TurnLimits } from '../turns.js';
import { PerShard, type ZoneShards } from './zone-shards.js';

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

  /** Does something in a zone when its turn comes, as {@link Turns.take} does. */
  take<T>(zoneId: string, asker: string, job: () => Promise<T>): Promise<T> {
    const { shards } = this;
    if (shards === null) return this.turns.current.take(zoneId, asker, job);
    return shards.inZone(zoneId, () => this.turns.current.take(zoneId, asker, job));
  }
}
