import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { Periodic } from '../../platform/periodic.js';

/** Milliseconds between two looks into the outbox, and while the database is away. */
const LOOK_MS = 200;
const AWAY_MS = 3_000;
/** Zones that one look is about, and events of one of them. */
const MOST_ZONES = 100;
const MOST_EVENTS = 500;
/** The most events that wait on one stream, and for how many days, before no more are kept. */
const MAX_HELD = 10_000;
const MAX_HELD_DAYS = 7;
/** Days after which what waits on a stream that was stopped is given up. */
const MAX_STOPPED_DAYS = 30;
/** Days for which a token that was received is known: longer than it is accepted. */
const MAX_RECEIVED_DAYS = 8;
/** Milliseconds between two looks for streams that nobody fetches from. */
const FORGOTTEN_MS = 60_000;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Puts what has happened on the streams of its zone: some of each zone in turn, so that much of one is no delay for
 * another. No request waits for this.
 */
@Injectable()
export class SignalOutbox implements OnApplicationShutdown {
  /** The zone at which the last look ended. */
  private after = FIRST_ID;
  private forgottenAt = 0;
  private readonly periodic = new Periodic(() => this.look(), 0.2);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(LOOK_MS));
  }

  /** What a look has begun is whole or undone: each zone is a transaction. */
  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    try {
      await this.stopForgotten();
      const zones = await this.dataSource.query<{ zone_id: string }[]>(ZONES, [
        this.after,
        MOST_ZONES,
      ]);
      this.after = zones.length < MOST_ZONES ? FIRST_ID : (zones.at(-1)?.zone_id ?? FIRST_ID);
      let more = zones.length === MOST_ZONES;
      for (const { zone_id: zoneId } of zones) {
        if (this.periodic.stopped) return LOOK_MS;
        const taken = await this.distribute(zoneId);
        more ||= taken >= MOST_EVENTS;
      }
      return more ? 0 : LOOK_MS;
    } catch (error) {
      if (!this.periodic.stopped) {
        this.logger.warn({ err: error }, 'the outbox of shared signals cannot be read');
      }
      return AWAY_MS;
    }
  }

  /** @returns how many events were taken out of the outbox */
  private async distribute(zoneId: string): Promise<number> {
    try {
      const [row] = await this.dataSource.query<{ taken: number }[]>(
        'SELECT taken FROM ssf_distribute($1, $2, $3)',
        [zoneId, MOST_EVENTS, MAX_HELD],
      );
      return row?.taken ?? 0;
    } catch (error) {
      // What one zone has locked is no matter of the others.
      this.logger.warn({ err: error, zone_id: zoneId }, 'events wait in the outbox of a zone');
      return 0;
    }
  }

  private async stopForgotten(): Promise<void> {
    const now = performance.now();
    if (now < this.forgottenAt) return;
    this.forgottenAt = now + FORGOTTEN_MS;
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

/** Zones of which something is in the outbox: each is found by the index, however much of one there is. */
const ZONES = `
  WITH RECURSIVE zones (zone_id, n) AS (
    (SELECT o.zone_id, 1 FROM ssf_outbox o WHERE o.zone_id > $1::uuid ORDER BY o.zone_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.zone_id FROM ssf_outbox o WHERE o.zone_id > z.zone_id ORDER BY o.zone_id LIMIT 1), z.n + 1
      FROM zones z WHERE z.zone_id IS NOT NULL AND z.n < $2::integer
  )
  SELECT zone_id FROM zones WHERE zone_id IS NOT NULL ORDER BY zone_id`;
