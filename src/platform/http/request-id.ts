import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { newId } from '../uuid-v7.js';
import { writeTraceparent } from '../tracing/trace-context.js';
import { traceOf } from './request-trace.js';
import type { Step } from './steps.js';
import { KeptOn } from '../kept-on.js';

/** How a request is named in the audit log, in the words of its events. */
export interface RequestId {
  /** A UUIDv7 that was drawn here: of this request, and of no other. */
  readonly request_id: string;
  /** What the caller calls it (`X-Request-Id`). Others may call theirs the same. */
  readonly request_label?: string;
  /** The trace that it is part of (W3C Trace Context), if somebody traces it. */
  readonly trace_id?: string;
}

const LABEL = /^[A-Za-z0-9._-]{1,128}$/;
const ids = new KeptOn<RequestId>('id');

/** A step that tells the caller how its request is named. */
export const assignRequestId: Step = (request, response, next) => {
  setRequestIdHeaders(request, response);
  next();
};

/**
 * Sends our id as `Mandate-Request-Id`, as `X-Request-Id` the caller's label, if there is one, and as `traceparent` its
 * place in a trace, if it has one.
 */
export function setRequestIdHeaders(
  request: IncomingMessage,
  response: { setHeader(name: string, value: string): unknown },
): void {
  const { request_id: id, request_label: label } = requestIdOf(request);
  response.setHeader('Mandate-Request-Id', id);
  response.setHeader('X-Request-Id', label ?? id);
  const trace = traceOf(request);
  if (trace !== null) response.setHeader('traceparent', writeTraceparent(trace));
}

/** The id of a request, and the caller's label for it, if that is harmless. The same on every call. */
export function requestIdOf(request: IncomingMessage): RequestId {
  const known = ids.get(request);
  if (known !== undefined) return known;
  // A gateway's request has an id of its own, which it sends as this one, too.
  const given = request.headers['x-request-id'] ?? request.headers['x-caracal-gateway-request'];
  const labelled = typeof given === 'string' && LABEL.test(given);
  const trace = traceOf(request);
  const id = {
    request_id: newId(),
    ...(labelled ? { request_label: given } : {}),
    ...(trace === null ? {} : { trace_id: trace.traceId }),
  };
  ids.set(request, id);
  return id;
}

/** The id of the request that a handler answers. */
export const CurrentRequestId = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  requestIdOf(context.switchToHttp().getRequest<Request>()),
);
