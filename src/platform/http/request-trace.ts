import type { IncomingMessage } from 'node:http';
import { readTraceContext, type TraceContext } from '../tracing/trace-context.js';

const noted = new WeakMap<object, TraceContext | null>();

/**
 * The place of a request in a trace: of its own span if there is one, else where its caller says that it is
 * (W3C Trace Context), which is passed on as it is (4.3).
 *
 * @returns `null` if nobody traces it. The same on every call, once there is a span
 */
export function traceOf(request: IncomingMessage): TraceContext | null {
  const known = noted.get(request);
  if (known !== undefined) return known;
  const { traceparent, tracestate } = request.headers;
  if (traceparent === undefined) return null;
  const trace = readTraceContext(traceparent, tracestate);
  noted.set(request, trace);
  return trace;
}

/** Notes the span of a request, in which all else of it is. */
export function noteTrace(request: IncomingMessage, trace: TraceContext): void {
  noted.set(request, trace);
}
