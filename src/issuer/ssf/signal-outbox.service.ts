import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import { ZoneRounds } from '../../platform/database/zone-rounds.js';
import { PerShard } from '../../platform/database/shard-scope.js';

/** Milliseconds between two looks into the outbox while there is something in it, and when nothing wakes it. */
const BUSY_MS = 200;
const IDLE_MS = 4_000;
/** Zones that one look is about, and events of one of them. */
const MOST_ZONES = 100;
const MOST_EVENTS = 500;
/** The most events that wait on one stream, and for how many days, before no more are kept. */
export const MAX_HELD = 10_000;
const MAX_HELD_DAYS = 7;
/** Days after which what waits on a stream that was stopped is given up. */
const MAX_STOPPED_DAYS = 30;
/** Days for which a token that was received is known: longer than it is accepted. */
const MAX_RECEIVED_DAYS = 8;
/** Milliseconds between two looks for streams that nobody fetches from. */
const FORGOTTEN_MS = 60_000;

/**
 * Puts what has happened on the streams of its zone: some of each zone in turn, each in a transaction of its own, so that
 * much of one is no delay for another. No request waits for this.
 */
@Injectable()
export class SignalOutbox {
  private readonly rounds: ZoneRounds;
  private readonly forgotten = new PerShard(() => ({ at: 0 }));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
    jobs: DatabaseJobs,
  ) {
    const failing = 'events wait in the outbox of a zone';
    this.rounds = new ZoneRounds(dataSource, logger, 'ssf_outbox', MOST_ZONES, failing);
    jobs.add({
      name: 'signal outbox',
      failing: 'the outbox of shared signals cannot be read',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      look: (stopped) => this.look(stopped),
    });
  }

  private async look(stopped: AbortSignal): Promise<Look> {
    await this.stopForgotten();
    return this.rounds.look(stopped, async (zoneId) => {
      const [row] = await this.dataSource.query<{ taken: number }[]>(
        'SELECT taken FROM ssf_distribute($1, $2, $3)',
        [zoneId, MOST_EVENTS, MAX_HELD],
      );
      return (row?.taken ?? 0) >= MOST_EVENTS;
    });
  }

  private async stopForgotten(): Promise<void> {
    const now = performance.now();
    const next = this.forgotten.current;
    if (now < next.at) return;
    next.at = now + FORGOTTEN_MS;
    await this.dataSource.query('SELECT ssf_stop_forgotten($1, $2)', [
      MAX_HELD_DAYS,
      MAX_STOPPED_DAYS,
    ]);
    await this.dataSource.query(FORGET_RECEIVED, [MAX_RECEIVED_DAYS]);
  }
}

/** What is older is not accepted any more, and need not be known. */
const FORGET_RECEIVED = `
  DELETE FROM ssf_received WHERE (zone_id, digest) IN (
    SELECT r.zone_id, r.digest FROM ssf_received r
     WHERE r.received_at < clock_timestamp() - make_interval(days => $1) LIMIT 10000 FOR UPDATE SKIP LOCKED)`;
