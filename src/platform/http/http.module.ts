import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { DirectRoutes } from './direct-routes.js';
import { DeadlineInterceptor } from './deadline.interceptor.js';
import { ErrorFilter } from './error.filter.js';
import { overloadMetrics } from './overload/overload.metrics.js';
import { RequestGate } from './overload/request-gate.service.js';

/** The bounds of requests in flight, routes in front of the framework, the error filter, and the deadline of every route. */
@Global()
@Module({
  providers: [
    RequestGate,
    DirectRoutes,
    ...overloadMetrics,
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_INTERCEPTOR, useClass: DeadlineInterceptor },
  ],
  exports: [DirectRoutes],
})
export class HttpModule {}
