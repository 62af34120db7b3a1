import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { commitIf } from '../platform/database/commit-if.js';
import { atZone } from '../platform/database/at-zones.js';
import { CheckpointKeys } from './checkpoint-keys.service.js';
import { CheckpointExports } from './export/checkpoint-exports.service.js';
import { makeCheckpoints } from './make-checkpoint.js';
import type { Queries } from './queries.js';
import { sealRound } from './seal-round.js';

/** The last checkpoint of a zone, after which nothing is recorded any more. */
export interface LastCheckpoint {
  /** What it says (C2SP tlog-checkpoint), which is a leaf of the installation's log. */
  readonly body: string;
  /** The checkpoint of the installation that has this leaf, signed. */
  readonly note: string;
}

const LIMITS = { ofZone: 4_096, ofRead: 16_384 } as const;
/** Milliseconds between two looks while the job of a replica has the log, and after which none of them gets on. */
const LOOK_MS = 200;
const STUCK_MS = 60_000;

/** Puts all that is recorded of a zone into a signed checkpoint, now. */
@Injectable()
export class LastCheckpoints {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keys: CheckpointKeys,
    private readonly exports: CheckpointExports,
  ) {}

  /**
   * The checkpoint of a zone of which nothing more is recorded.
   *
   * @throws {Error} if it cannot be made: the log is broken, or does not fit what was exported
   */
  async of(zoneId: string): Promise<LastCheckpoint> {
    const origin = await this.keys.begin();
    let [left, at] = [Number.POSITIVE_INFINITY, performance.now()];
    for (;;) {
      // oxlint-disable no-await-in-loop
      const found = await this.find(zoneId);
      if (found !== null) return found;
      const round = await atZone(this.dataSource, zoneId, () =>
        sealRound(this.dataSource, this.run, origin, LIMITS, () => false),
      );
      if (round.broken.includes(zoneId)) throw new Error('the log of the zone is broken');
      const forks = await this.exports.forksNow();
      if (forks.length > 0) {
        throw new Error(`the log does not fit what was exported: ${forks.join()}`);
      }
      await makeCheckpoints(this.run, await this.keys.signer());
      const now = await this.left(zoneId);
      if (now < left) [left, at] = [now, performance.now()];
      else if (performance.now() - at > STUCK_MS) throw new Error(STUCK);
      else await sleep(LOOK_MS);
      // oxlint-enable no-await-in-loop
    }
  }

  private readonly run = <T>(work: (tx: Queries) => Promise<T>): Promise<T> =>
    commitIf(this.dataSource, () => true, work);

  private async find(zoneId: string): Promise<LastCheckpoint | null> {
    if ((await this.left(zoneId)) > 0) return null;
    const [row] = await atZone(this.dataSource, zoneId, () =>
      this.dataSource.query<LastCheckpoint[]>(LAST, [zoneId]),
    );
    return row ?? null;
  }

  /** How many events are in no log yet. */
  private async left(zoneId: string): Promise<number> {
    const [row] = await atZone(this.dataSource, zoneId, () =>
      this.dataSource.query<{ left: number }[]>(LEFT, [zoneId]),
    );
    return row?.left ?? 0;
  }
}

const STUCK = 'the events of the zone do not get into a checkpoint';
const LEFT = `SELECT coalesce(sum(c.seq - coalesce(h.seq, 0)), 0)::float8 AS left
  FROM audit_chains c LEFT JOIN evidence_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer WHERE c.zone_id = $1`;
const LAST = `SELECT z.body, k.note FROM evidence_logs l
  JOIN zone_checkpoints z ON z.zone_id = l.zone_id AND z.size = l.size
  JOIN LATERAL (SELECT c.note FROM checkpoints c WHERE c.size > z.leaf ORDER BY c.size LIMIT 1) AS k ON true
  WHERE l.zone_id = $1`;
