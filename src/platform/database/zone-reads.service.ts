import { Inject, Injectable } from '@nestjs/common';
import { ENV, type RunningEnv } from '../config/env.js';
import { poolSizes } from './pool-sizes.js';
import { ShardTurns } from './shard-turns.js';
import { zoneShardsOf } from './zone-shards.js';

/**
 * Single reads on behalf of a zone, some at a time for all and half of them for one: a zone that wants many
 * waits for itself, and zones come round one after the other, whatever they want. Where the database is distributed, some
 * at a time for those of each shard.
 */
@Injectable()
export class ZoneReads {
  private readonly turns: ShardTurns;

  constructor(
    @Inject(ENV)
    env: Pick<RunningEnv, 'workers' | 'connections' | 'zoneShards'>,
  ) {
    const { inAll, ofOneZone } = poolSizes(env).zoneReads;
    const waiting = { waiting: 2_000, waitingOfOne: 2_000, waitMs: 1_000 };
    const limits = { ofOneKey: ofOneZone, inAll, ...waiting };
    this.turns = new ShardTurns(zoneShardsOf(env), limits);
  }

  /**
   * Reads when it is the zone's turn.
   *
   * @param read one query on the shared connections
   * @param line in which it waits, if that is not the line of what the zone wants for itself
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; what `read` throws
   */
  read<T>(zoneId: string, read: () => Promise<T>, line = zoneId): Promise<T> {
    return this.turns.take(zoneId, line, read, line);
  }
}
