import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { keySetHeaders, matchesEtag, type PublishedKeySet } from './key-set.js';

/** What the answering of key sets takes of the rest. */
export interface KeySetListenerPorts {
  /** The set of a zone, if it can be sent at once. */
  readonly ready: (zoneId: string) => PublishedKeySet | null;
  /** The id to say back in `X-Request-Id`. */
  readonly requestId: (request: IncomingMessage) => string;
  /** Is told of each answer, by the template of its route. */
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
 * Answers requests for key sets that are ready to send, before anything else sees them: verifiers ask
 * by the thousands, and a framework's work for each would keep those waiting who want mandates. All
 * others, such as for zones that are not known yet, take the usual way, where the controller answers alike.
 */
export function answerKeySets(
  { ready, requestId, answered }: KeySetListenerPorts,
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
    response.setHeader('X-Request-Id', requestId(request));
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
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': keySet.body.length,
  });
  // Node itself leaves the body out of an answer to HEAD.
  response.end(keySet.body);
  return 200;
}
