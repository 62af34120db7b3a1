import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { LedgerModule } from '../ledger/ledger.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { HealthController } from './health.controller.js';
import { Lifecycle } from './lifecycle.js';
import { MetricsController } from './metrics.controller.js';
import { processMetrics } from './process.metrics.js';
import { Readiness } from './readiness.service.js';
import { RequestDurations, requestMetrics } from './request-durations.js';

/** Liveness, readiness and metrics. */
@Module({
  imports: [
    // The checks log their failures themselves, once.
    TerminusModule.forRoot({ logger: false }),
    // The controller has two paths of its own.
    PrometheusModule.register({ controller: MetricsController, path: '/' }),
    LedgerModule,
    SealingModule,
    SnapshotModule,
  ],
  controllers: [HealthController],
  providers: [Lifecycle, Readiness, RequestDurations, ...processMetrics, ...requestMetrics],
})
export class HealthModule {}
