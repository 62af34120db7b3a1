import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
} from '@nestjs/terminus';
import type { Logger } from 'pino';
import { BackgroundWork } from '../platform/background-work.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { PRIMARY, type Link } from '../platform/workers/link.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { BackgroundChecks, type Check } from './background-checks.js';
import { Lifecycle } from './lifecycle.js';
import { CHECKS, ReadinessChecks, reasonOf, type CheckName } from './readiness-checks.service.js';
import { WorkerReadiness, type Finding, type Findings } from './worker-readiness.js';

/** Milliseconds between two rounds of checks. */
const EVERY_MS = 5_000;
const STARTING = 'not all that the start makes is there';

/** Readiness: whether mandates can be issued, as the last round of checks in the background found it. */
@Injectable()
export class Readiness implements OnApplicationShutdown {
  /** The checks that fail now, so that only changes are logged. */
  private readonly failing = new Set<string>();
  private readonly checks: BackgroundChecks<CheckName>;
  private readonly workers: WorkerReadiness | null;
  private readonly configured: number;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    { byName }: ReadinessChecks,
    private readonly snapshots: Snapshots,
    private readonly lifecycle: Lifecycle,
    @Inject(ENV) env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PRIMARY) primary: Link | null,
    background: BackgroundWork,
  ) {
    const watched = Object.entries(byName).map(([name, check]) => [
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
}
