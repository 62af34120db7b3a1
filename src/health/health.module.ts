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

/** May traffic come, and how is it going: liveness, readiness, metrics. */
@Module({
  imports: [
    // What fails is logged by the checks themselves, once, and without what Terminus adds.
    TerminusModule.forRoot({ logger: false }),
    // The controller says its paths itself, since it has two.
    PrometheusModule.register({ controller: MetricsController, path: '/' }),
    LedgerModule,
    SealingModule,
    SnapshotModule,
  ],
  controllers: [HealthController],
  providers: [Lifecycle, Readiness, RequestDurations, ...processMetrics, ...requestMetrics],
})
export class HealthModule {}
