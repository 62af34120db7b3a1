import type { IncomingMessage } from 'node:http';
import type { Step } from './steps.js';
import { NotFoundException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const INTERNAL = /^\/(internal|admin\/management|metrics|metrics\.json|docs|docs-json)(\/|$)/i;
const PROBE = /^\/(health|ready)$/;

const internalRequests = new WeakSet<object>();

/** The step that remembers that a request came in on the internal port. */
export const markInternal: Step = (request, _response, next) => {
  internalRequests.add(request);
  next();
};

/** Whether a request came in on the internal port. */
export function isOnInternalPort(request: IncomingMessage): boolean {
  return internalRequests.has(request);
}

/** Whether a path is one of operators' routes. */
export function isInternalPath(path: string): boolean {
  return INTERNAL.test(path);
}

/** Whether a path is that of the liveness or the readiness probe. */
export function isProbePath(path: string): boolean {
  return PROBE.test(path);
}

/**
 * With an internal port, operators' routes are served there and only there; probes and the start page on both.
 *
 * @param separate whether there is an internal port
 */
export function separateInternalPort(separate: boolean) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    if (!separate || isProbePath(request.path) || request.path === '/') {
      next();
      return;
    }
    const here = isOnInternalPort(request) === isInternalPath(request.path);
    next(here ? undefined : new NotFoundException('no such route'));
  };
}
