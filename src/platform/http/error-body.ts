import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestIdOf, setRequestIdHeaders } from './request-id.js';

/** The JSON of an error response. */
export function errorBody(error: string, description: string, requestId: string) {
  return { error, error_description: description, requestId };
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
  const body = Buffer.from(JSON.stringify(errorBody(error, description, requestId)));
  setRequestIdHeaders(request, response);
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    ...headers,
  });
  response.end(body);
}
