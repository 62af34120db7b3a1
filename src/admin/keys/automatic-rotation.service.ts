import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { inEachShard } from '../../platform/database/each-shard.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { Periodic } from '../../platform/periodic.js';
import { EARLIEST_ROTATION_SHARE, rotationIsDue } from '../../keys/rotation/key-schedule.js';
import { newSchedule } from '../../keys/rotation/rotation.js';
import type { ActsAs } from '../operators/operator.js';
import { AuditedKeyChanges, keyDetails } from './audited-key-changes.service.js';

/** Milliseconds between two looks, give or take a quarter. */
const EVERY_MS = 60_000;
/** A first look soon after the start: a service that was down for long has something to catch up with. */
const FIRST_MS = 2_000;
/** Zones in one round. The rest has to wait for the next one, so that nothing else has to. */
const AT_ONCE = 50;

const OPERATOR: ActsAs = { id: null, name: 'automatic rotation' };

/**
 * Rotates the signing keys that have become old. Every replica looks; whichever locks a zone first
 * rotates its key, and the others then find a pending one.
 */
@Injectable()
export class AutomaticRotation implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() =>
    inEachShard(zoneShardsOf(this.env), () => this.look()),
  );

  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly keyChanges: AuditedKeyChanges,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'zoneShards'>,
  ) {
    background.addJob(() => this.periodic.start(FIRST_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    try {
      for (const zoneId of await this.zonesDue()) {
        if (this.periodic.stopped) break;
        await this.renew(zoneId);
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'signing keys were not looked at, trying again in a minute');
    }
    return EVERY_MS;
  }

  private async zonesDue(): Promise<string[]> {
    const rows = await this.read.query<CandidateRow[]>(CANDIDATES, [EARLIEST_ROTATION_SHARE]);
    const now = this.clock.now();
    const due = rows.filter(({ kid, activatesAt, rotationDays }) =>
      rotationIsDue(
        { kid, ...newSchedule(activatesAt.getTime(), activatesAt.getTime()) },
        rotationDays,
        now,
      ),
    );
    return [...new Set(due.map(({ zoneId }) => zoneId))].slice(0, AT_ONCE);
  }

  private async renew(zoneId: string): Promise<void> {
    const type = 'signing_key.rotated';
    const change = { zoneId, requestId: { request_id: uuidv7() }, type, operator: OPERATOR };
    try {
      await this.keyChanges.run(change, { want: 'renewal' }, async (_tx, apply) => {
        const outcome = await apply();
        // Another replica was first.
        if (outcome.published.length === 0) return null;
        return { result: undefined, details: { emergency: false, ...keyDetails(outcome) } };
      });
    } catch (error) {
      this.logger.warn({ err: error, zoneId }, 'a signing key was not rotated, trying again');
    }
  }
}

interface CandidateRow {
  readonly zoneId: string;
  readonly kid: string;
  readonly activatesAt: Date;
  readonly rotationDays: number;
}

/**
 * Keys that may be due, the oldest first: which of them are, each key's own jitter tells. Of zones whose keys are all younger
 * than any zone has them nothing is read: there may be very many, and a statement has a second.
 */
export const CANDIDATES = `SELECT k.zone_id AS "zoneId", k.kid, k.activates_at AS "activatesAt",
    z.rotation_days AS "rotationDays"
  FROM signing_keys k JOIN zones z ON z.id = k.zone_id
  WHERE k.retires_at IS NULL AND k.compromised_at IS NULL AND z.rotation_days > 0 AND z.removed_at IS NULL AND z.away IS NULL
    AND k.activates_at < now() - z.rotation_days * $1::float * interval '1 day'
    AND k.activates_at < now() - $1::float * interval '1 day' * (
      SELECT min(s.rotation_days) FROM zones s WHERE s.rotation_days > 0 AND s.removed_at IS NULL)
  ORDER BY k.activates_at LIMIT 1000`;
