import { Inject, Injectable } from '@nestjs/common';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { ShardTurns } from '../platform/database/shard-turns.js';
import { zoneShardsOf } from '../platform/database/zone-shards.js';
import { TURN_WAIT_MS } from '../platform/database/zone-turn.js';
import { Turns } from '../platform/turns.js';

/** What waits, in the line of one row and in that of one zone: half of the time in each. */
const WAITING = { waiting: 256, waitMs: TURN_WAIT_MS / 2 } as const;

/**
 * The turns of decisions on challenges, and of what else changes a row that many may want at once. They wait in the
 * process, where that costs nothing: of the eight connections that requests share, one row has one at a time, one zone
 * two and all zones three, so that a row which is locked holds up those who want that row. Where the database is distributed,
 * it is so of the four to each shard.
 */
@Injectable()
export class StepUpTurns {
  private readonly ofOneRow = new Turns({
    ...WAITING,
    ofOneKey: 1,
    inAll: Number.POSITIVE_INFINITY,
    waitingOfOne: 128,
  });
  private readonly ofOneZone: ShardTurns;

  constructor(@Inject(ENV) env: Pick<RunningEnv, 'zoneShards'>) {
    const limits = { ...WAITING, ofOneKey: 2, inAll: 3, waitingOfOne: 1 };
    this.ofOneZone = new ShardTurns(zoneShardsOf(env), limits);
  }

  /**
   * Does something when it is its turn.
   *
   * @param row what it changes, such as the id of a challenge
   * @param asker who wants that, among those who want to change the row
   * @param run takes one connection at most
   * @throws {OAuthError} slow_down, temporarily_unavailable if too much waits: then it was not begun, and will not be;
   *   and what `run` throws
   */
  take<T>(zoneId: string, row: string, asker: string, run: () => Promise<T>): Promise<T> {
    return this.ofOneRow.take(`${zoneId} ${row}`, asker, () =>
      this.ofOneZone.take(zoneId, row, run),
    );
  }
}
