import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { ReadinessChecks } from './readiness-checks.service.js';
import { Readiness } from './readiness.service.js';

/** The metrics of readiness: why `/ready` says no, and what is about to make it. */
export const readinessMetrics = [
  makeGaugeProvider({
    name: 'mandate_check_failing',
    help: 'Whether a check of /ready failed in its last round, 1 or 0, by check: database, migrations, key_encryption_key, ledger, clock, signing_keys.',
    labelNames: ['check'],
    aggregator: 'max',
    inject: [Readiness],
    collect(this: Gauge, readiness: Readiness) {
      for (const [check, fails] of readiness.failures) this.set({ check }, fails ? 1 : 0);
    },
  }),
  makeGaugeProvider({
    name: 'mandate_clock_skew_seconds',
    help: 'Seconds between the clock here and that of the database, at least, when both were last read.',
    aggregator: 'max',
    inject: [ReadinessChecks],
    collect(this: Gauge, { clockSkewMs }: ReadinessChecks) {
      if (clockSkewMs !== null) this.set(clockSkewMs / 1_000);
    },
  }),
];
