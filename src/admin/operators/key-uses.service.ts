import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';

/** Milliseconds for which a key that was used is not noted again. */
const EVERY_MS = 60_000;
/** Milliseconds that are waited for other keys to note with it. */
const TOGETHER_MS = 200;

/** Notes when keys of operators were used last: at most once a minute for each key, and after the answer. */
@Injectable()
export class KeyUses implements OnApplicationShutdown {
  private readonly noted = new Map<string, number>();
  private readonly used = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
  }

  /** Notes that a key is used now. @param keyId of a key that there is */
  note(keyId: string): void {
    const now = this.clock.now();
    if (now - (this.noted.get(keyId) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
    this.noted.set(keyId, now);
    this.used.add(keyId);
    this.timer ??= setTimeout(() => void this.write(), TOGETHER_MS).unref();
  }

  private async write(): Promise<void> {
    this.timer = undefined;
    const keys = [...this.used];
    this.used.clear();
    try {
      await this.dataSource.query(NOTE, [keys, EVERY_MS / 1_000]);
    } catch (error) {
      this.logger.warn({ err: error }, 'it was not noted when keys of operators were used last');
    }
  }
}

/** Another process may have noted it a moment ago. */
const NOTE = `
  UPDATE operator_keys SET last_used_at = now()
   WHERE id = ANY ($1::uuid[]) AND (last_used_at IS NULL OR last_used_at <= now() - $2::float8 * interval '1 second')`;
