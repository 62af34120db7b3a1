import type { IncomingMessage } from 'node:http';
import { NotFoundException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const INTERNAL = /^\/(internal|metrics|metrics\.json|docs|docs-json)(\/|$)/i;
const PROBE = /^\/(health|ready)$/;

const internalRequests = new WeakSet<object>();

/** Remembers that a request came in on the internal port. */
export function markInternal(request: IncomingMessage): void {
  internalRequests.add(request);
}

/**
 * With an internal port, operators' routes are served there and only there; probes on both.
 *
 * @param separate whether there is an internal port
 */
export function separateInternalPort(separate: boolean) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    if (!separate || PROBE.test(request.path)) {
      next();
      return;
    }
    const here = internalRequests.has(request) === INTERNAL.test(request.path);
    next(here ? undefined : new NotFoundException('no such route'));
  };
}
