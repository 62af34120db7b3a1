import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { TraceContext } from '../tracing/trace-context.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { inFlightOf, type RequestCaller } from './overload/in-flight.js';
import { requestIdOf } from './request-id.js';
import { traceOf } from './request-trace.js';
import { routeOf } from './route-of.js';
import { pathOf, type Step } from './steps.js';

/** The reason of a refusal, for the log. */
export interface Explanation {
  readonly error: string;
  readonly reason: string;
}

const explanations = new WeakMap<object, Explanation>();

/** Adds the reason of a refusal to the log line of its request. */
export function explain(response: ServerResponse, explanation: Explanation): void {
  explanations.set(response, explanation);
}

/** The reason of a refusal; `undefined` for none. */
export function explanationOf(response: ServerResponse): Explanation | undefined {
  return explanations.get(response);
}

const unlogged = new WeakSet<object>();

/** Leaves a request out of the log: one of very many that are counted instead. */
export function leaveOutOfLog(response: ServerResponse): void {
  unlogged.add(response);
}

/**
 * A step that logs one line for each request when it is over, unless it is left out. Only the members named here
 * are written: no header, no path, no query, no body.
 */
export function logRequests(logger: Logger): Step {
  return (request, response, next) => {
    const started = performance.now();
    response.once('close', () => {
      if (unlogged.has(response)) return;
      const { statusCode: status } = response;
      const { request_id: requestId, request_label: requestLabel } = requestIdOf(request);
      const line = {
        requestId,
        ...(requestLabel === undefined ? {} : { requestLabel }),
        ...describeTrace(traceOf(request)),
        method: request.method,
        route: routeOf(request),
        status,
        ...describeCaller(inFlightOf(request).caller),
        ms: Math.round((performance.now() - started) * 10) / 10,
        ...(response.writableFinished ? {} : { aborted: true }),
        ...explanations.get(response),
      };
      if (isProbe(pathOf(request)) && status < 400) logger.debug(line, 'request');
      else logger.info(line, 'request');
    });
    next();
  };
}

/** The trace that a request is part of, by the names that OpenTelemetry has for it in logs. */
function describeTrace(trace: TraceContext | null): Record<string, string> {
  return trace === null ? {} : { trace_id: trace.traceId, span_id: trace.spanId };
}

/**
 * Whom a request is of, in ids: `caller`, `zone` and `client` once that is proved; `claimedClient`, and its zone, if the
 * request names a client that exists and has not proved to be of it.
 */
function describeCaller(caller: RequestCaller | null): Record<string, string> {
  if (caller === null) return {};
  const { zone, client, by } = caller;
  return {
    // An operator may write anything into a path.
    ...(zone !== null && isUuid(zone) ? { zone } : {}),
    ...(client === null ? {} : by === null ? { claimedClient: client } : { client }),
    ...(by === null ? {} : { caller: by }),
  };
}

/** Whether a path is polled every few seconds; such requests are logged only when they fail. */
function isProbe(path: string): boolean {
  return path === '/health' || path === '/ready' || path === '/metrics';
}
