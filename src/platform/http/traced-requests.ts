import type { IncomingMessage, ServerResponse } from 'node:http';
import { isUuid } from '../../oauth/vocabulary.js';
import { beginRequest, isTracing, type Attributes, type RequestSpan } from '../tracing/spans.js';
import { inFlightOf } from './overload/in-flight.js';
import { explanationOf } from './request-log.js';
import { requestIdOf } from './request-id.js';
import { noteTrace, traceOf } from './request-trace.js';
import { NO_ROUTE, routeOf } from './route-of.js';
import { pathOf, type Step } from './steps.js';

/** The methods that are registered and used here; callers may send any (semantic conventions for HTTP). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']);
/** What is asked for every few seconds, and is of no trace. */
const UNTRACED = new Set(['/health', '/ready', '/metrics', '/metrics.json']);

const spans = new WeakMap<object, RequestSpan>();

/** The step that begins the span of a request. It comes before the request is named, and before it may be turned away. */
const begin: Step = (request, response, next) => {
  if (UNTRACED.has(pathOf(request))) {
    next();
    return;
  }
  const method = methodOf(request);
  const span = beginRequest(method === '_OTHER' ? 'HTTP' : method, traceOf(request));
  if (span !== null) {
    noteTrace(request, span.trace);
    spans.set(request, span);
    if (span.isRecorded) response.once('close', () => end(span, request, response));
  }
  next();
};

/** The step that runs all that follows in the span: those before it may go on in the turn of another request. */
const within: Step = (request, _response, next) => {
  const span = spans.get(request);
  if (span === undefined) next();
  else span.run(next);
};

/** These two steps, or nothing in their place where no spans are made. */
export function tracedRequests(): {
  readonly begin: readonly Step[];
  readonly within: readonly Step[];
} {
  return isTracing() ? { begin: [begin], within: [within] } : { begin: [], within: [] };
}

function methodOf({ method = '' }: IncomingMessage): string {
  return METHODS.has(method) ? method : '_OTHER';
}

function end(span: RequestSpan, request: IncomingMessage, response: ServerResponse): void {
  const method = methodOf(request);
  const route = routeOf(request);
  const name = method === '_OTHER' ? 'HTTP' : method;
  const { statusCode: status, headersSent } = response;
  const failed = headersSent && status >= 500;
  const error = explanationOf(response)?.error;
  const attributes: Attributes = {
    'http.request.method': method,
    ...(route === NO_ROUTE ? {} : { 'http.route': route }),
    ...(headersSent ? { 'http.response.status_code': status } : {}),
    ...(failed ? { 'error.type': String(status) } : {}),
    ...(error === undefined ? {} : { 'mandate.error': error }),
    'mandate.request_id': requestIdOf(request).request_id,
    ...callerOf(request),
  };
  span.end(route === NO_ROUTE ? name : `${name} ${route}`, attributes, failed);
}

function callerOf(request: IncomingMessage): Attributes {
  const { caller } = inFlightOf(request);
  if (caller === null || caller.by === null) return {};
  const { zone, client, by } = caller;
  return {
    ...(zone !== null && isUuid(zone) ? { 'mandate.zone': zone } : {}),
    ...(client === null ? {} : { 'mandate.client': client }),
    'mandate.caller': by,
  };
}
