import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';

/** Milliseconds between two looks whether an order has rows to be ended: while there is one, and when nothing wakes it. */
const BUSY_MS = 1_000;
const IDLE_MS = 5_000;
/** The most rows that one step looks at, and the most that it ends. */
const SEEN = 2_000;
const ENDED = 200;
/** The least milliseconds between two steps. */
const REST_MS = 20;

interface Step {
  readonly zone_id: string;
  readonly order_id: string;
  readonly over: boolean;
}

/**
 * Ends the rows that are dead by an order, bit by bit (`revocation-endings.sql`): each step is a transaction of its own,
 * which closes the gate of its zone for the time of its commit, and there is as much rest as work in between. Orders come
 * round one after the other, and how far each is is in the database, for whichever replica goes on.
 */
@Injectable()
export class RevocationEndings {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    jobs: DatabaseJobs,
  ) {
    jobs.add({
      name: 'revocation endings',
      failing: 'what was taken back is not ended yet, trying again',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      restMs: (tookMs) => Math.max(REST_MS, tookMs),
      look: () => this.step(),
    });
  }

  private async step(): Promise<Look> {
    const [step] = await this.dataSource.query<Step[]>(END_SOME, [SEEN, ENDED]);
    if (step === undefined) {
      const [found] = await this.dataSource.query<{ some: boolean }[]>(SOME);
      return found?.some === true ? 'waiting' : 'nothing';
    }
    if (step.over) {
      const { zone_id: zoneId, order_id: orderId } = step;
      this.logger.info({ zoneId, orderId }, 'what was taken back has ended');
    }
    return 'more';
  }
}

/** Those whose turn comes later are among them. */
const SOME = 'SELECT EXISTS (SELECT FROM revocation_endings) AS some';

const END_SOME = 'SELECT zone_id, order_id, over FROM revocation_end_some($1, $2)';
