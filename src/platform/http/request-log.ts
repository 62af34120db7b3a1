import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { requestIdOf } from './request-id.js';

/** What the log says of a refusal, beside what the caller was told. */
export interface Explanation {
  readonly error: string;
  readonly reason: string;
}

const explanations = new WeakMap<object, Explanation>();

/** Says why a request was refused, for its line in the log. */
export function explain(response: Response, explanation: Explanation): void {
  explanations.set(response, explanation);
}

/**
 * Writes one line for each request when it is over. Only what is named here is written: no header,
 * no query, no body.
 */
export function logRequests(logger: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    response.once('close', () => {
      const { statusCode: status } = response;
      const line = {
        requestId: requestIdOf(request),
        method: request.method,
        path: request.path.slice(0, 256),
        status,
        ms: Math.round((performance.now() - started) * 10) / 10,
        ...(response.writableFinished ? {} : { aborted: true }),
        ...explanations.get(response),
      };
      if (isProbe(request.path) && status < 400) logger.debug(line, 'request');
      else logger.info(line, 'request');
    });
    next();
  };
}

/** Probes come every few seconds and say nothing while all is well. */
function isProbe(path: string): boolean {
  return path === '/health' || path === '/ready' || path === '/metrics';
}
