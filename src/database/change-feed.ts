import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import pg from 'pg';
import type { Logger } from 'pino';
import { ENV, type RunningEnv } from '../config/env.js';
import { LOGGER } from '../config/logger.js';

/** What a listener is told. */
export interface ChangeListener {
  /** Something in this zone changed, and the change is committed. */
  zoneChanged(zoneId: string): void;
  /** The feed was interrupted: anything may have changed meanwhile. */
  feedInterrupted(): void;
}

const RECONNECT_MS = 500;

/**
 * Hears from PostgreSQL which zones changed, on any replica or by hand.
 *
 * It only makes caches fresh sooner. Nothing relies on it for correctness: the ledger compares the
 * zone's version in the very commit.
 */
@Injectable()
export class ChangeFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly listeners: ChangeListener[] = [];
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Tells `listener` about every change from now on. */
  subscribe(listener: ChangeListener): void {
    this.listeners.push(listener);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listen();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => {});
  }

  private async listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.env.databaseUrl,
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      application_name: 'mandate change feed',
    });
    let lost = false;
    const onLost = (): void => {
      if (lost) return;
      lost = true;
      this.client = undefined;
      if (this.stopped) return;
      for (const listener of this.listeners) listener.feedInterrupted();
      this.timer = setTimeout(() => void this.listen(), RECONNECT_MS);
    };
    client.on('error', onLost);
    client.on('end', onLost);
    client.on('notification', ({ payload }) => {
      if (payload === undefined) return;
      for (const listener of this.listeners) listener.zoneChanged(payload);
    });
    try {
      await client.connect();
      await client.query('LISTEN mandate_zone_changed');
      this.client = client;
      // What changed before LISTEN took effect was not heard.
      for (const listener of this.listeners) listener.feedInterrupted();
    } catch (error) {
      this.logger.warn({ err: error }, 'the change feed cannot connect, trying again');
      await client.end().catch(() => {});
      onLost();
    }
  }
}
