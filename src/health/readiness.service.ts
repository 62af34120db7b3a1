import { Inject, Injectable } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorFunction,
} from '@nestjs/terminus';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { LOGGER } from '../platform/config/logger.js';
import { isDatabaseAway } from '../platform/http/database-error.js';
import {
  KeyEncryptionKeys,
  WrongKeyEncryptionKey,
} from '../sealing/key-encryption-keys.service.js';
import { Ledger } from '../ledger/ledger.service.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { clockSkew } from './clock-skew.js';
import { Lifecycle } from './lifecycle.js';
import { pendingMigrations } from './schema.js';
import { singleFlight } from './single-flight.js';

/** Milliseconds that a check may take; all run at once, so the answer takes no longer. */
const CHECK_TIMEOUT_MS = 1_200;
/** Milliseconds by which our clock may differ from the database's. */
const MAX_SKEW_MS = 5_000;

/** Thrown by a check that failed, with a message that is public. */
class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** The readiness checks: whether minting is safe now. */
@Injectable()
export class Readiness {
  /**
   * Runs all checks.
   *
   * @returns what is up
   * @throws {ServiceUnavailableException} with what is down, in the same format
   */
  readonly check: () => Promise<HealthCheckResult>;

  /** The checks that fail now, so that only changes are logged. */
  private readonly failing = new Set<string>();
  private migrated = false;

  constructor(
    health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keyEncryptionKeys: KeyEncryptionKeys,
    private readonly ledger: Ledger,
    private readonly snapshots: Snapshots,
    private readonly lifecycle: Lifecycle,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const checks = [
      this.indicator('shutdown', () => this.checkShutdown()),
      this.indicator('database', () => this.checkDatabase()),
      this.indicator('migrations', () => this.checkMigrations()),
      this.indicator('key_encryption_key', () => this.keyEncryptionKeys.verify()),
      this.indicator('ledger', () => this.ledger.probe()),
      this.indicator('clock', () => this.checkClock()),
      this.indicator('signing_keys', () => this.checkSigningKeys()),
      () => this.describePolicy(),
    ];
    this.check = singleFlight(() => health.check(checks));
  }

  /**
   * The number of loaded zones whose policy cannot be used. Always up: their requests are denied on every
   * replica, so taking this one out of service would not help, and would let one zone's policy stop all
   * the others. A number only, since callers of this route may not know which zones there are.
   */
  private describePolicy() {
    return this.indicators.check('policy').up({ broken_zones: this.snapshots.brokenPolicies });
  }

  private indicator(name: string, check: () => Promise<void>): HealthIndicatorFunction {
    // Each check is single-flight, too: one that timed out goes on until its connection times out.
    const run = singleFlight(() => this.watch(name, check));
    return () => this.indicators.check(name).attempt(run).withTimeout(CHECK_TIMEOUT_MS);
  }

  /** Runs a check, and logs when it starts or stops failing. The driver's error, which has addresses in it, goes only there. */
  private async watch(name: string, check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!this.failing.has(name)) this.logger.warn({ check: name, err: error }, 'a check fails');
      this.failing.add(name);
      throw new NotReady(reasonOf(error), { cause: error });
    }
    if (this.failing.delete(name)) this.logger.info({ check: name }, 'a check passes again');
  }

  private async checkShutdown(): Promise<void> {
    if (this.lifecycle.stopping) throw new NotReady('stopping');
  }

  private async checkDatabase(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }

  private async checkMigrations(): Promise<void> {
    if (this.migrated) return;
    const pending = await pendingMigrations(this.dataSource);
    if (pending.length > 0) throw new NotReady(`pending: ${pending.join(', ')}`);
    this.migrated = true;
  }

  /**
   * Fails while a zone in use cannot sign: unlike a broken policy, which denies, that is a failure of ours.
   * The message has a number only, since callers of this route may not know which zones there are.
   */
  private async checkSigningKeys(): Promise<void> {
    const withoutSigner = await this.snapshots.countZonesWithoutSigner();
    if (withoutSigner > 0) throw new NotReady(`zones in use that cannot sign: ${withoutSigner}`);
  }

  private async checkClock(): Promise<void> {
    const before = this.clock.now();
    const rows = await this.dataSource.query<{ now: string }[]>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS now',
    );
    const skew = clockSkew({ before, theirs: Number(rows[0]?.now), after: this.clock.now() });
    // The negation also refuses NaN.
    if (!(skew <= MAX_SKEW_MS)) throw new NotReady('the clock differs from that of the database');
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof NotReady) return error.message;
  if (error instanceof WrongKeyEncryptionKey) return 'not the key that the database is sealed with';
  return isDatabaseAway(error) ? 'the database does not answer' : 'the check failed';
}
