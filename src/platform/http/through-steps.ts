import type { RequestListener } from 'node:http';
import type { Logger } from 'pino';
import { sendError } from './error-body.js';
import type { Step } from './steps.js';

/**
 * A listener that takes each request through steps, one after the other, before it is answered. They are in front of
 * the framework, so that what is answered there and what is answered in it gets the same. What one of them throws is a
 * fault of ours: it is logged and answered, and does not end the process.
 */
export function throughSteps(
  steps: readonly Step[],
  answer: RequestListener,
  logger: Pick<Logger, 'error'>,
): RequestListener {
  const guarded =
    (listener: RequestListener): RequestListener =>
    (request, response) => {
      try {
        listener(request, response);
      } catch (error) {
        logger.error({ err: error }, 'a step of a request has failed');
        if (response.headersSent) response.destroy();
        else sendError(request, response, FAULT);
      }
    };
  return steps.reduceRight<RequestListener>(
    (next, step) =>
      guarded((request, response) => step(request, response, () => next(request, response))),
    guarded(answer),
  );
}

const FAULT = { status: 500, error: 'server_error', description: 'an internal error' } as const;
