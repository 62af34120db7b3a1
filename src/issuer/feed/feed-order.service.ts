import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../../platform/background-work.js';
import { LOGGER } from '../../platform/config/logger.js';
import { Periodic } from '../../platform/periodic.js';

/** Milliseconds between two looks for notices, and while the database is away. */
const LOOK_MS = 400;
const AWAY_MS = 1_000;
/** The most zones of one round, and the most notices of each. */
const ZONES = 20;
const OF_ONE = 200;
/** Milliseconds between two looks for items that matter no more, and how many go at once. */
const TIDY_MS = 5_000;
const TIDIED = 5_000;

const FIRST = '00000000-0000-0000-0000-000000000000';

/**
 * Gives what was taken back its position in the revocation feed, a moment after it was committed, and removes what
 * matters no more. Any replica does; two are never at one zone.
 */
@Injectable()
export class FeedOrder implements OnApplicationShutdown {
  /** The zone at which the last round ended: each has its turn. */
  private after = FIRST;
  private tidyAt = 0;
  private readonly periodic = new Periodic(() => this.look(), 0.2);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(LOOK_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  /** The age of the oldest notice that has no position yet, in seconds. */
  async oldest(): Promise<number> {
    const rows = await this.dataSource.query<{ age: number }[]>(
      `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS age
         FROM revocation_notices`,
    );
    return rows[0]?.age ?? 0;
  }

  private async look(): Promise<number> {
    try {
      const more = await this.advance();
      if (performance.now() >= this.tidyAt) await this.tidy();
      return more ? 0 : LOOK_MS;
    } catch (error) {
      if (!this.periodic.stopped) {
        this.logger.warn({ err: error }, 'the revocation feed cannot be written, trying again');
      }
      return AWAY_MS;
    }
  }

  /** @returns whether there may be more */
  private async advance(): Promise<boolean> {
    const [row] = await this.dataSource.query<{ some: boolean }[]>(
      'SELECT EXISTS (SELECT FROM revocation_notices) AS some',
    );
    if (row?.some !== true) return false;
    const zones = await this.dataSource.query<{ zone: string; more: boolean }[]>(
      'SELECT zone, more FROM revocation_feed_advance($1, $2, $3)',
      [this.after, ZONES, OF_ONE],
    );
    const last = zones.length < ZONES ? undefined : zones.at(-1)?.zone;
    this.after = last ?? FIRST;
    return last !== undefined || zones.some(({ more }) => more);
  }

  private async tidy(): Promise<void> {
    const [, count] = await this.dataSource.query<[unknown, number]>(TIDY, [TIDIED]);
    this.tidyAt = count === TIDIED ? 0 : performance.now() + TIDY_MS;
  }
}

const TIDY = `
  DELETE FROM revocation_feed WHERE (zone_id, position) IN (
    SELECT f.zone_id, f.position FROM revocation_feed f WHERE f.until < clock_timestamp()
     ORDER BY f.until LIMIT $1 FOR UPDATE SKIP LOCKED)`;
