import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTokenEndpoint } from '../../oauth/token-endpoint.js';
import { asProblem, PROBLEM_JSON, wantsProblem } from './problem-details.js';
import { hasGatewayHeaders } from './read-gateway-headers.js';
import { requestIdOf, setRequestIdHeaders } from './request-id.js';
import { pathOf } from './steps.js';

/** The JSON of an error response. */
export function errorBody(error: string, description: string, requestId: string) {
  return { error, error_description: description, requestId };
}

/**
 * The word for an error in the answer to a request. Gateways that exchange tokens know another one for a server that cannot
 * answer now: their circuit breakers count it.
 *
 * @param code as it is called everywhere else
 */
export function wordFor(request: IncomingMessage, code: string): string {
  return code === 'temporarily_unavailable' && isGatewaysExchange(request)
    ? 'sts_unavailable'
    : code;
}

/** Whether a request to a token endpoint has a header of a gateway's signature: it is a gateway's then, and nothing else. */
function isGatewaysExchange(request: IncomingMessage): boolean {
  return hasGatewayHeaders(request) && isTokenEndpoint(pathOf(request));
}

/** An error that is answered in front of the framework. */
export interface EarlyError {
  readonly status: number;
  readonly error: string;
  readonly description: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends an error in front of the framework, in the form that `error-answer.ts` gives to all others. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  { status, error, description, headers = {} }: EarlyError,
): void {
  const { request_id: requestId } = requestIdOf(request);
  const word = wordFor(request, error);
  const told = errorBody(word, description, requestId);
  const problem = wantsProblem(request);
  const body = JSON.stringify(problem ? asProblem(request, status, told) : told);
  setRequestIdHeaders(request, response);
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'Content-Type': problem ? PROBLEM_JSON : 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  // As text it goes out in one piece with the headers: of what is refused under load, that is the largest part.
  response.end(body);
}
