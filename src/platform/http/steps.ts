import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import parseUrl from 'parseurl';

/** Something that is done for each request before it is answered; it goes on, or has answered. */
export type Step = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/**
 * A listener that takes each request through steps, one after the other, before it is answered. They are in front of
 * the framework, so that what is answered there and what is answered in it gets the same.
 */
export function throughSteps(steps: readonly Step[], answer: RequestListener): RequestListener {
  return steps.reduceRight<RequestListener>(
    (next, step) => (request, response) => step(request, response, () => next(request, response)),
    answer,
  );
}

/** The path of a request as it came, without the query. */
export function pathOf(request: IncomingMessage): string {
  // As the router finds it: what is compared with paths here must be what is routed there.
  return parseUrl.original(request)?.pathname ?? '';
}
