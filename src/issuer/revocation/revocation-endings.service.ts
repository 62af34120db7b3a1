import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { Periodic } from '../../platform/periodic.js';

/** Milliseconds between two looks whether an order has rows to be ended, and after a failure. */
const EVERY_MS = 1_000;
const AGAIN_MS = 3_000;
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
export class RevocationEndings implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() => this.look());

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(EVERY_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    try {
      const [found] = await this.dataSource.query<{ some: boolean }[]>(SOME);
      if (found?.some === true) await this.work();
      return EVERY_MS;
    } catch (error) {
      if (!this.periodic.stopped) {
        this.logger.warn({ err: error }, 'what was taken back is not ended yet, trying again');
      }
      return AGAIN_MS;
    }
  }

  private async work(): Promise<void> {
    while (!this.periodic.stopped) {
      const began = performance.now();
      const [step] = await this.dataSource.query<Step[]>(END_SOME, [SEEN, ENDED]);
      if (step === undefined) return;
      if (step.over) {
        const { zone_id: zoneId, order_id: orderId } = step;
        this.logger.info({ zoneId, orderId }, 'what was taken back has ended');
      }
      await sleep(Math.max(REST_MS, performance.now() - began));
    }
  }
}

const SOME = 'SELECT EXISTS (SELECT FROM revocation_endings) AS some';

const END_SOME = 'SELECT zone_id, order_id, over FROM revocation_end_some($1, $2)';
