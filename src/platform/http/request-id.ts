import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';

const ACCEPTABLE = /^[A-Za-z0-9._-]{1,128}$/;
const ids = new WeakMap<object, string>();

/**
 * Middleware that sends the request id back in `X-Request-Id`.
 */
export function assignRequestId(request: Request, response: Response, next: NextFunction): void {
  response.setHeader('X-Request-Id', requestIdOf(request));
  next();
}

/** The id of a request: the caller's if it is harmless, else a new UUIDv7. The same on every call. */
export function requestIdOf(request: IncomingMessage): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  // A gateway's request has an id of its own, which it sends as this one, too.
  const given = request.headers['x-request-id'] ?? request.headers['x-caracal-gateway-request'];
  const id = typeof given === 'string' && ACCEPTABLE.test(given) ? given : uuidv7();
  ids.set(request, id);
  return id;
}

/** The id of the request that a handler answers. */
export const RequestId = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  requestIdOf(context.switchToHttp().getRequest<Request>()),
);
