import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { LedgerModule } from '../ledger/ledger.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { collectProcessMetrics } from './default-metrics.js';
import { HealthController } from './health.controller.js';
import { Lifecycle } from './lifecycle.js';
import { MetricsController } from './metrics.controller.js';
import { processMetrics } from './process.metrics.js';
import { readinessMetrics } from './readiness.metrics.js';
import { ReadinessChecks } from './readiness-checks.service.js';
import { Readiness } from './readiness.service.js';
import { RequestDurations, requestMetrics } from './request-durations.js';

// Once for the process, whatever is made of the module.
collectProcessMetrics(register);

/** Liveness, readiness and metrics. */
@Module({
  imports: [
    // The checks log their failures themselves, once.
    TerminusModule.forRoot({ logger: false }),
    // The controller has two paths of its own.
    PrometheusModule.register({
      controller: MetricsController,
      path: '/',
      defaultMetrics: { enabled: false },
    }),
    LedgerModule,
    SealingModule,
    SnapshotModule,
  ],
  controllers: [HealthController],
  providers: [
    Lifecycle,
    ReadinessChecks,
    Readiness,
    RequestDurations,
    ...processMetrics,
    ...readinessMetrics,
    ...requestMetrics,
  ],
})
export class HealthModule {}
