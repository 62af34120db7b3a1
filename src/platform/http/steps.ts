import type { IncomingMessage, ServerResponse } from 'node:http';
import parseUrl from 'parseurl';

/** Something that is done for each request before it is answered; it goes on, or has answered. */
export type Step = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** The path of a request as it came, without the query. */
export function pathOf(request: IncomingMessage): string {
  // As the router finds it: what is compared with paths here must be what is routed there.
  return parseUrl.original(request)?.pathname ?? '';
}
