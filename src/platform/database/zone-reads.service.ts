import { Inject, Injectable } from '@nestjs/common';
import { ENV, type RunningEnv } from '../config/env.js';
import { Turns } from '../turns.js';
import { poolSizes } from './pool-sizes.js';
import { zoneShardsOf, type ZoneShards } from './zone-shards.js';

/**
 * Single reads on behalf of a zone, some at a time for all and half of them for one: a zone that wants many
 * waits for itself, and zones come round one after the other, whatever they want.
 */
@Injectable()
export class ZoneReads {
  private readonly turns: Turns;

  private readonly shards: ZoneShards | null;

  constructor(
    @Inject(ENV)
    env: Pick<RunningEnv, 'workers' | 'connections' | 'zoneShards'>,
  ) {
    this.shards = zoneShardsOf(env);
    const { inAll, ofOneZone } = poolSizes(env).zoneReads;
    const waiting = { waiting: 2_000, waitingOfOne: 2_000, waitMs: 1_000 };
    this.turns = new Turns({ ofOneKey: ofOneZone, inAll, ...waiting });
  }

  /**
   * Reads when it is the zone's turn.
   *
   * @param read one query on the shared connections
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; what `read` throws
   */
  read<T>(zoneId: string, read: () => Promise<T>): Promise<T> {
    const { shards } = this;
    const there = shards === null ? read : () => shards.inZone(zoneId, read);
    return this.turns.take(zoneId, zoneId, there);
  }
}
