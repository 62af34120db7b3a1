import { Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { DeadlineInterceptor } from './deadline.interceptor.js';
import { ErrorFilter } from './error.filter.js';

/** The error filter and the deadline of every route. */
@Module({
  providers: [
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_INTERCEPTOR, useClass: DeadlineInterceptor },
  ],
})
export class HttpModule {}
