import { Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { DeadlineInterceptor } from './deadline.interceptor.js';
import { ErrorFilter } from './error.filter.js';
import { overloadMetrics } from './overload/overload.metrics.js';
import { RegistriesModule } from './registries.module.js';
import { KnownBearers } from './overload/known-bearers.js';
import { RequestGate } from './overload/request-gate.service.js';

/** The bounds of requests in flight, the error filter, and the deadline of every route. */
@Module({
  imports: [RegistriesModule],
  providers: [
    KnownBearers,
    RequestGate,
    ...overloadMetrics,
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_INTERCEPTOR, useClass: DeadlineInterceptor },
  ],
  exports: [KnownBearers],
})
export class HttpModule {}
