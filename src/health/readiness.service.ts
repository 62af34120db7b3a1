import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
} from '@nestjs/terminus';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../platform/background-work.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { outageOf } from '../platform/database/outage.js';
import { PRIMARY, type Link } from '../platform/workers/link.js';
import { isDatabaseAway } from '../platform/http/database-error.js';
import { CustodyUnavailable } from '../sealing/key-encryption.js';
import {
  KeyEncryptionKeys,
  WrongKeyEncryptionKey,
} from '../sealing/key-encryption-keys.service.js';
import { CommitCheck } from '../ledger/commit-check.service.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { BackgroundChecks, NotChecked, TookTooLong, type Check } from './background-checks.js';
import { clockSkew } from './clock-skew.js';
import { Lifecycle } from './lifecycle.js';
import { pendingMigrations } from './schema.js';
import { checkSigning } from './signing-check.js';
import { WorkerReadiness, type Finding, type Findings } from './worker-readiness.js';

/** Milliseconds between two rounds of checks. */
const EVERY_MS = 5_000;
/** Milliseconds by which our clock may differ from the database's. */
const MAX_SKEW_MS = 5_000;

const CHECKS = [
  'database',
  'migrations',
  'key_encryption_key',
  'ledger',
  'clock',
  'signing_keys',
] as const;
type CheckName = (typeof CHECKS)[number];

const STARTING = 'not all that the start makes is there';

/** Thrown by a check that failed, with a message that is public. */
class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** Readiness: whether mandates can be issued, as the last round of checks in the background found it. */
@Injectable()
export class Readiness implements OnApplicationShutdown {
  /** The checks that fail now, so that only changes are logged. */
  private readonly failing = new Set<string>();
  private readonly checks: BackgroundChecks<CheckName>;
  private readonly workers: WorkerReadiness | null;
  private readonly configured: number;
  private skewMs: number | null = null;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keyEncryptionKeys: KeyEncryptionKeys,
    private readonly commits: CommitCheck,
    private readonly snapshots: Snapshots,
    private readonly lifecycle: Lifecycle,
    @Inject(ENV) env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PRIMARY) primary: Link | null,
    background: BackgroundWork,
  ) {
    const checks: Record<CheckName, Check> = {
      database: () => this.checkDatabase(),
      migrations: () => this.checkMigrations(),
      key_encryption_key: () => this.keyEncryptionKeys.verify(),
      ledger: () => this.commits.run(),
      clock: () => this.checkClock(),
      signing_keys: () => this.checkSigningKeys(),
    };
    const watched = Object.entries(checks).map(([name, check]) => [
      name,
      () => this.watch(name, check),
    ]);
    const times = { everyMs: EVERY_MS, withinMs: env.limits.checkMs };
    this.configured = env.workers;
    this.workers = primary === null ? null : new WorkerReadiness(primary, times);
    this.checks = new BackgroundChecks<CheckName>(Object.fromEntries(watched), times, () => {
      if (!this.lifecycle.stopping) this.workers?.tell(this.found());
    });
    background.add(() => this.checks.start());
  }

  onApplicationShutdown(): void {
    this.checks.stop();
  }

  /**
   * What the last round said, of every worker that takes requests. Runs nothing.
   *
   * @returns what is up
   * @throws {ServiceUnavailableException} with what is down, in the same format
   */
  check(): Promise<HealthCheckResult> {
    const own = this.found();
    const { workers } = this;
    const all = workers === null ? own : workers.ofAll({ workers: { down: null }, ...own });
    const found: Findings = { start: { down: this.lifecycle.starting ? STARTING : null }, ...all };
    return this.health.check(
      Object.entries(found).map(([name, { down, brokenZones }]) => () => {
        const indicator = this.indicators.check(name);
        if (down !== null) return indicator.down({ message: down });
        return indicator.up({
          ...(brokenZones === undefined ? {} : { broken_zones: brokenZones }),
          ...(name === 'workers' ? { serving: workers?.count, configured: this.configured } : {}),
        });
      }),
    );
  }

  /** Whether each check of this process failed in the last round, by name. */
  get failures(): ReadonlyMap<string, boolean> {
    return new Map(CHECKS.map((name) => [name, this.checks.errorOf(name) !== null]));
  }

  /** Milliseconds between our clock and that of the database, when both were last read; `null` before that. */
  get clockSkewMs(): number | null {
    return this.skewMs;
  }

  /** Lets it pass from now on: all that the start makes is there, in every worker. */
  enter(): void {
    this.lifecycle.endStart();
  }

  /** Makes it fail from now on: this process stops. Other workers, if there are any, do not count it any more. */
  leave(): void {
    this.lifecycle.beginStop();
    this.workers?.tell(null);
  }

  /**
   * What this process has found. Policy is always up: the requests of zones whose policy cannot be used are denied on
   * every replica, so taking this one out of service would not help, and would let one zone's policy stop all the
   * others. A number only, since callers of this route may not know which zones there are.
   */
  private found(): Findings {
    const checked = CHECKS.map((name): [string, Finding] => {
      const error = this.checks.errorOf(name);
      if (error !== null) return [name, { down: reasonOf(error) }];
      const { zonesWithoutSigner: brokenZones } = this.snapshots;
      return [name, name === 'signing_keys' ? { down: null, brokenZones } : { down: null }];
    });
    return {
      shutdown: { down: this.lifecycle.stopping ? 'stopping' : null },
      ...Object.fromEntries(checked),
      policy: { down: null, brokenZones: this.snapshots.brokenPolicies },
    };
  }

  /** Runs a check, and logs when it starts or stops failing. The driver's error, which has addresses in it, goes only there. */
  private async watch(name: string, check: Check): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!this.failing.has(name)) this.logger.warn({ check: name, err: error }, 'a check fails');
      this.failing.add(name);
      throw error;
    }
    if (this.failing.delete(name)) this.logger.info({ check: name }, 'a check passes again');
  }

  private async checkDatabase(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }

  private async checkMigrations(): Promise<void> {
    const pending = await pendingMigrations(this.dataSource);
    if (pending.length > 0) throw new NotReady(`pending: ${pending.join(', ')}`);
  }

  private async checkSigningKeys(): Promise<void> {
    await checkSigning(await this.snapshots.keyRingsToTry(), this.clock.now());
  }

  private async checkClock(): Promise<void> {
    const before = this.clock.now();
    const rows = await this.dataSource.query<{ now: string }[]>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS now',
    );
    const skew = clockSkew({ before, theirs: Number(rows[0]?.now), after: this.clock.now() });
    this.skewMs = skew;
    // The negation also refuses NaN.
    if (!(skew <= MAX_SKEW_MS)) throw new NotReady('the clock differs from that of the database');
  }
}

/** What may be said of an error to any caller: no name, no address. */
function reasonOf(error: unknown): string {
  if (error instanceof NotReady) return error.message;
  if (error instanceof TookTooLong) return 'the check took too long';
  if (error instanceof NotChecked) return 'there was no check lately';
  if (error instanceof WrongKeyEncryptionKey) return 'not the key that the database is sealed with';
  if (error instanceof CustodyUnavailable) return 'what keeps the keys is out of reach';
  const outage = outageOf(error);
  if (outage !== null) return `the database cannot be used: ${outage}`;
  return isDatabaseAway(error) ? 'the database does not answer' : 'the check failed';
}
