import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import { ZoneRounds } from '../../platform/database/zone-rounds.js';
import { PerShard } from '../../platform/database/shard-scope.js';

/** Milliseconds between two looks for notices while there are some, and when nothing wakes it. */
const BUSY_MS = 400;
const IDLE_MS = 3_000;
/** The most zones of one round, and the most notices of each. */
const ZONES = 20;
const OF_ONE = 200;
/** Milliseconds between two looks for items that matter no more, and how many go at once. */
const TIDY_MS = 15_000;
const TIDIED = 5_000;

/** The name by which the job is woken. */
export const FEED_JOB = 'revocation feed';

/**
 * Gives what was taken back its position in the revocation feed, a moment after it was committed, and removes what
 * matters no more. Any replica does; two are never at one zone. Each zone has a transaction of its own, so its positions
 * are there as soon as they are given, however many others it has to share its turns with.
 */
@Injectable()
export class FeedOrder {
  private readonly rounds: ZoneRounds;
  private readonly tidying = new PerShard(() => ({ at: 0 }));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
    jobs: DatabaseJobs,
  ) {
    const failing = 'what was taken back in a zone has no position in the feed yet';
    this.rounds = new ZoneRounds(dataSource, logger, 'revocation_notices', ZONES, failing);
    jobs.add({
      name: FEED_JOB,
      failing: 'the revocation feed cannot be written, trying again',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      look: (stopped) => this.look(stopped),
    });
  }

  /** The age of the oldest notice that has no position yet, in seconds. */
  async oldest(): Promise<number> {
    const rows = await this.dataSource.query<{ age: number }[]>(
      `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS age
         FROM revocation_notices`,
    );
    return rows[0]?.age ?? 0;
  }

  private async look(stopped: AbortSignal): Promise<Look> {
    const found = await this.rounds.look(stopped, (zoneId) => this.advance(zoneId));
    if (performance.now() >= this.tidying.current.at) await this.tidy();
    return found;
  }

  /** @returns whether there may be more that can be done now */
  private async advance(zoneId: string): Promise<boolean> {
    const [row] = await this.dataSource.query<{ more: boolean }[]>(
      'SELECT revocation_feed_advance_one($1, $2) AS more',
      [zoneId, OF_ONE],
    );
    return row?.more === true;
  }

  private async tidy(): Promise<void> {
    const [, count] = await this.dataSource.query<[unknown, number]>(TIDY, [TIDIED]);
    this.tidying.current.at = count === TIDIED ? 0 : performance.now() + TIDY_MS;
  }
}

const TIDY = `
  DELETE FROM revocation_feed WHERE (zone_id, position) IN (
    SELECT f.zone_id, f.position FROM revocation_feed f WHERE f.until < clock_timestamp()
     ORDER BY f.until LIMIT $1 FOR UPDATE SKIP LOCKED)`;
