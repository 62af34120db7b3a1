import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import { inEachShard } from '../../platform/database/each-shard.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { Periodic } from '../../platform/periodic.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import { BY_ITSELF } from '../operators/operator.js';
import { REVIEW_DAYS } from './reviews.js';

/** Milliseconds between two looks, give or take a quarter, and until the first one. */
const EVERY_MS = 600_000;
const FIRST_MS = 5_000;
/** Reviews in one round. */
const AT_ONCE = 100;

/** Records which emergencies nobody else has looked at in time, once each, and knows how many there are. */
@Injectable()
export class Unreviewed implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() =>
    inEachShard(zoneShardsOf(this.env), () => this.look()),
  );

  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly read: DataSource,
    private readonly changes: AuditedChanges,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'zoneShards'>,
  ) {
    background.addJob(() => this.periodic.start(FIRST_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  /** How many emergencies wait for a second operator to look at them. */
  async countOpen(): Promise<number> {
    return this.figure(`SELECT count(*) AS figure ${UNDECIDED} AND ${DUE} > now()`);
  }

  /** How many nobody else has looked at in time, nor since. */
  async countNotReviewed(): Promise<number> {
    return this.figure(`SELECT count(*) AS figure ${UNDECIDED} AND ${DUE} <= now()`);
  }

  /** Seconds for which the oldest waits that is open; 0 if none is. */
  async oldest(): Promise<number> {
    return this.figure(`
      SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(asked_at)), 0) AS figure ${UNDECIDED} AND ${DUE} > now()`);
  }

  private async figure(sql: string): Promise<number> {
    const [row] = await this.read.query<{ figure: string }[]>(sql);
    return Number(row?.figure ?? 0);
  }

  private async look(): Promise<number> {
    try {
      const due = await this.read.query<DueRow[]>(DUE_REVIEWS, [AT_ONCE]);
      for (const review of due) {
        if (this.periodic.stopped) break;
        // oxlint-disable-next-line no-await-in-loop -- each may wait for the turn of its zone
        await this.lapse(review);
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'reviews were not looked at, trying again');
    }
    return EVERY_MS;
  }

  /** Records one. A zone that has no turn for that is tried again in the next round, and keeps no other zone waiting. */
  private async lapse({ id, zoneId }: DueRow): Promise<void> {
    const type = 'approval.not_reviewed';
    const change = { zoneId, requestId: { request_id: uuidv7() }, type, operator: BY_ITSELF };
    try {
      await this.changes.runWithoutZone(change, (tx) => lapsed(tx, id));
    } catch (error) {
      const about = { err: error, zone_id: zoneId, approval_id: id };
      this.logger.warn(
        about,
        'that nobody has reviewed an emergency was not recorded, trying again',
      );
    }
  }
}

/** Notes that a review has come to nothing. @returns `null` if somebody else was first, or has looked at it by now */
async function lapsed(tx: EntityManager, id: string): Promise<Made<null> | null> {
  const [row] = await tx.query<LapsedRow[]>(LAPSE, [id]);
  return row === undefined ? null : { result: null, details: { approval_id: id, ...row } };
}

interface DueRow {
  readonly id: string;
  readonly zoneId: string;
}

interface LapsedRow {
  readonly action: string;
  readonly summary: string;
  readonly asked_by: string;
  readonly asked_by_id: string | null;
}

/** A process of a version before puts up reviews without the end of theirs. */
const DUE = `COALESCE(expires_at, asked_at + interval '${REVIEW_DAYS} days')`;

const UNDECIDED = "FROM approvals WHERE kind = 'review' AND decision IS NULL";

const DUE_REVIEWS = `
  SELECT id, zone_id AS "zoneId" ${UNDECIDED} AND lapsed_at IS NULL AND ${DUE} <= now() ORDER BY asked_at LIMIT $1`;

const LAPSE = `
  WITH lapsed AS (
    UPDATE approvals SET lapsed_at = statement_timestamp()
     WHERE id = $1 AND decision IS NULL AND lapsed_at IS NULL
    RETURNING action, summary, operator, operator_id)
  SELECT action, summary, operator AS asked_by, operator_id AS asked_by_id FROM lapsed`;
