import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { Logger } from 'pino';
import { NotServedHere } from '../../oauth/not-served-here.js';
import { OAuthError, unavailable, type OAuthErrorCode } from '../../oauth/errors.js';
import { isDatabaseAway } from './database-error.js';
import { errorBody, wordFor } from './error-body.js';
import { Overloaded } from './overload/overloaded.js';
import { explain, leaveOutOfLog } from './request-log.js';
import { requestIdOf } from './request-id.js';

/** The HTTP status of each OAuth error (RFC 6749 5.2, RFC 6750 3.1, RFC 9396 5). */
const STATUS: Readonly<Record<OAuthErrorCode, number>> = {
  invalid_request: 400,
  invalid_grant: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  unsupported_response_type: 400,
  invalid_target: 400,
  invalid_scope: 400,
  invalid_authorization_details: 400,
  invalid_client: 401,
  invalid_token: 401,
  interaction_required: 401,
  insufficient_scope: 403,
  access_denied: 403,
  session_not_live: 409,
  session_lease_fenced: 409,
  idempotency_key_conflict: 409,
  idempotency_result_inactive: 409,
  cursor_expired: 410,
  slow_down: 429,
  server_error: 500,
  temporarily_unavailable: 503,
};

/** The error codes of HTTP statuses for which OAuth has none. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'invalid_token',
  403: 'access_denied',
  404: 'not_found',
  409: 'conflict',
  412: 'precondition_failed',
  422: 'unprocessable',
  428: 'approval_required',
  429: 'slow_down',
};

/** What an `HttpException` may say beside its message, as an object. */
const MEMBERS = ['errors', 'approval', 'done'] as const;

/** An error response, and its reason for the log. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The answer to whatever was thrown while a request was worked on.
 *
 * @param allowed the methods of the route, for a request that none was found for
 */
export function errorAnswer(
  thrown: unknown,
  request: IncomingMessage,
  allowed: () => readonly string[],
): ErrorAnswer {
  const answer = answerTo(thrown, request, allowed);
  return { ...answer, headers: { 'Cache-Control': 'no-store', ...answer.headers } };
}

/** Writes the private reason of an error into the log line of its request, and a line of its own if it is our fault. */
export function logError(
  logger: Logger,
  thrown: unknown,
  { status, body, reason }: ErrorAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (thrown instanceof Overloaded) {
    leaveOutOfLog(response);
    return;
  }
  const { error } = body;
  const isProbe = typeof error !== 'string';
  explain(response, { error: isProbe ? 'not_ready' : error, reason });
  // A check that begins to fail is logged where it is run. A probe that asks once more is told no, which is no error.
  if (status < 500 || isProbe) return;
  const { request_id: requestId, trace_id } = requestIdOf(request);
  logger.error({ requestId, ...(trace_id === undefined ? {} : { trace_id }), err: thrown }, reason);
}

function answerTo(
  thrown: unknown,
  request: IncomingMessage,
  allowed: () => readonly string[],
): ErrorAnswer {
  if (thrown instanceof NotServedHere) return elsewhereAnswer(thrown, request);
  if (thrown instanceof OAuthError) return oauthAnswer(thrown, request);
  if (thrown instanceof HttpException) return httpAnswer(thrown, request, allowed);
  if (isDatabaseAway(thrown)) {
    return oauthAnswer(unavailable('the database cannot answer now', thrown), request);
  }
  return oauthAnswer(new OAuthError('server_error', 'an internal error'), request);
}

/** Documents that anybody may read, and that are at the same path wherever their zone is. */
const ANYWHERE = new RegExp(
  '^/(?:\\.well-known/jwks\\.json\\?|zones/[^/?]+/(?:\\.well-known/jwks\\.json|oauth2/metadata\\.jwks|status)(?:[/?]|$))',
);

/** The answer for a zone that has moved: verifiers are led to where it is now; whoever brings credentials is not. */
function elsewhereAnswer(error: NotServedHere, request: IncomingMessage): ErrorAnswer {
  const answer = oauthAnswer(error, request);
  const { url = '', method = '' } = request;
  if (error.base === null || !['GET', 'HEAD'].includes(method) || !ANYWHERE.test(url)) {
    return answer;
  }
  return {
    ...answer,
    status: 308,
    headers: { Location: `${error.base}${url}`, 'Access-Control-Allow-Origin': '*' },
  };
}

function oauthAnswer(error: OAuthError, request: IncomingMessage): ErrorAnswer {
  return {
    status: STATUS[error.code],
    body: {
      ...errorBody(wordFor(request, error.code), error.message, requestIdOf(request).request_id),
      ...error.members,
    },
    reason: error.detail,
    headers: {
      ...(error.retryAfter === undefined ? {} : { 'Retry-After': String(error.retryAfter) }),
      ...(error.wwwAuthenticate === undefined ? {} : { 'WWW-Authenticate': error.wwwAuthenticate }),
    },
  };
}

function httpAnswer(
  exception: HttpException,
  request: IncomingMessage,
  allowed: () => readonly string[],
): ErrorAnswer {
  const status = exception.getStatus();
  const given = exception.getResponse();
  // Terminus has a format of its own, which Kubernetes tooling knows.
  if (typeof given === 'object' && 'details' in given && 'status' in given) {
    const failing = 'error' in given && typeof given.error === 'object' ? given.error : null;
    const reason = `not ready: ${Object.keys(failing ?? {}).join(', ')}`;
    return { status, body: { ...given }, reason, headers: { 'Retry-After': '1' } };
  }
  const missed = status === 404 && isRouterMiss(exception);
  const methods = missed ? allowed() : [];
  if (methods.length > 0 && !methods.includes(request.method ?? '')) {
    const body = errorBody(
      'invalid_request',
      'this method is not allowed here',
      requestIdOf(request).request_id,
    );
    return { status: 405, body, reason: 'method', headers: { Allow: methods.join(', ') } };
  }
  const text = missed ? 'no such route' : isUndecodable(exception) ? UNDECODABLE : null;
  const own = typeof given === 'object' && 'code' in given ? given.code : undefined;
  const usual = CODE_OF_STATUS[status] ?? (status >= 500 ? 'server_error' : 'invalid_request');
  const code = typeof own === 'string' ? own : usual;
  const body = {
    ...errorBody(code, text ?? describe(exception), requestIdOf(request).request_id),
    ...membersOf(given),
  };
  return { status, body, reason: text ?? exception.message, headers: {} };
}

function membersOf(given: string | object): Readonly<Record<string, unknown>> {
  if (typeof given === 'string') return {};
  const present = MEMBERS.filter((name) => name in given);
  return Object.fromEntries(present.map((name) => [name, Reflect.get(given, name)]));
}

/** Whether Nest's router threw it. Its message repeats the URL, query and all. */
function isRouterMiss(exception: HttpException): boolean {
  return exception.message.startsWith('Cannot ');
}

const UNDECODABLE = 'the path cannot be decoded';

/** Whether the router threw it for a parameter that is no percent-encoding. Its message repeats the parameter. */
function isUndecodable(exception: HttpException): boolean {
  return exception.message.startsWith('Failed to decode param');
}

/** The public text of an exception. Nest's validation pipe gives a list. */
function describe(exception: HttpException): string {
  const given = exception.getResponse();
  if (typeof given === 'string') return given;
  const message: unknown = Reflect.get(given, 'message');
  return Array.isArray(message) ? message.join('; ') : exception.message;
}
