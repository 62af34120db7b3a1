import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { keySetHeaders, keySetType, matchesEtag, type PublishedKeySet } from './key-set.js';

/** The functions of the rest of the program that {@link answerKeySets} uses. */
export interface KeySetListenerPorts {
  /** The key set of a zone if it can be sent at once, else `null`. */
  readonly ready: (zoneId: string) => PublishedKeySet | null;
  /** Tells in headers how the request is named. */
  readonly nameRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Called for each answer, with the template of its route. */
  readonly answered: (method: string, route: string, status: number, seconds: number) => void;
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ROUTES = [
  {
    route: '/.well-known/jwks.json',
    url: new RegExp(`^/\\.well-known/jwks\\.json\\?zone_id=(${UUID})$`),
  },
  {
    route: '/zones/:zone/.well-known/jwks.json',
    url: new RegExp(`^/zones/(${UUID})/\\.well-known/jwks\\.json$`),
  },
];

/**
 * A listener in front of the framework that answers requests for key sets that are ready to send: verifiers
 * ask by the thousands, and the framework's work for each would delay token requests. All other requests,
 * such as for sets that are not in the cache, go to `next`, where the controller answers them alike.
 */
export function answerKeySets(
  { ready, nameRequest, answered }: KeySetListenerPorts,
  next: RequestListener,
): RequestListener {
  return (request, response) => {
    const { method = '', url = '' } = request;
    const target = method === 'GET' || method === 'HEAD' ? zoneIn(url) : null;
    const keySet = target === null ? null : ready(target.zoneId);
    if (target === null || keySet === null) {
      next(request, response);
      return;
    }
    const started = performance.now();
    nameRequest(request, response);
    const status = send(keySet, request, response);
    answered(method, target.route, status, (performance.now() - started) / 1_000);
  };
}

function zoneIn(url: string): { readonly route: string; readonly zoneId: string } | null {
  for (const { route, url: pattern } of ROUTES) {
    const zoneId = pattern.exec(url)?.[1];
    if (zoneId !== undefined) return { route, zoneId };
  }
  return null;
}

function send(keySet: PublishedKeySet, request: IncomingMessage, response: ServerResponse): number {
  const headers = keySetHeaders(keySet);
  if (matchesEtag(request.headers['if-none-match'], keySet.etag)) {
    response.writeHead(304, headers).end();
    return 304;
  }
  response.writeHead(200, {
    ...headers,
    'Content-Type': keySetType(request),
    'Content-Length': keySet.body.length,
  });
  // Node itself leaves the body out of an answer to HEAD.
  response.end(keySet.body);
  return 200;
}
