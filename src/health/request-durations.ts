import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectMetric, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import type { Histogram } from 'prom-client';
import { routeOf } from '../platform/http/route-of.js';
import type { Step } from '../platform/http/steps.js';

const REQUEST_SECONDS = 'mandate_http_request_seconds';

/** The metric of {@link RequestDurations}. The values of each label are a closed set. */
export const requestMetrics = [
  makeHistogramProvider({
    name: REQUEST_SECONDS,
    help: 'Seconds that requests took, by method, route template (none: unknown route) and status class.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
  }),
];

/** The methods that are label values; all others count as `other`, since callers may send any. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Measures the duration of requests. */
@Injectable()
export class RequestDurations {
  constructor(
    @InjectMetric(REQUEST_SECONDS)
    private readonly histogram: Histogram<'method' | 'route' | 'status'>,
  ) {}

  /** The step that measures a request. */
  readonly measure: Step = (request, response, next) => {
    const started = performance.now();
    response.once('close', () => {
      const { method = '' } = request;
      const seconds = (performance.now() - started) / 1_000;
      const label = METHODS.has(method) ? method : 'other';
      this.observe(label, routeOf(request), statusOf(response), seconds);
    });
    next();
  };

  /**
   * Counts a request that was answered in front of this step.
   *
   * @param route the template of its route
   * @param status the class of its status, such as `2xx`
   */
  observe(method: string, route: string, status: string, seconds: number): void {
    this.histogram.observe({ method, route, status }, seconds);
  }
}

/** The class of the status, or `aborted` if the caller did not wait for one. */
function statusOf(response: ServerResponse): string {
  return response.headersSent ? `${Math.trunc(response.statusCode / 100)}xx` : 'aborted';
}
