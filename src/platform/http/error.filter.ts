import {
  Catch,
  HttpException,
  Inject,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { LOGGER } from '../config/logger.js';
import { OAuthError, unavailable, type OAuthErrorCode } from '../../oauth/errors.js';
import { allowedMethods } from './allowed-methods.js';
import { isDatabaseAway } from './database-error.js';
import { explain } from './request-log.js';
import { requestIdOf } from './request-id.js';

/** The HTTP status of each OAuth error (RFC 6749 5.2, RFC 6750 3.1). */
const STATUS: Readonly<Record<OAuthErrorCode, number>> = {
  invalid_request: 400,
  invalid_grant: 400,
  unsupported_grant_type: 400,
  invalid_target: 400,
  invalid_scope: 400,
  invalid_client: 401,
  invalid_token: 401,
  interaction_required: 401,
  access_denied: 403,
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
};

/** An error response, and its reason for the log. */
interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Turns everything that is thrown into an error response, and logs its private reason. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const answer = this.answerTo(thrown, request);
    const { error } = answer.body;
    explain(response, {
      error: typeof error === 'string' ? error : 'not_ready',
      reason: answer.reason,
    });
    if (answer.status >= 500) {
      this.logger.error({ requestId: requestIdOf(request).request_id, err: thrown }, answer.reason);
    }
    if (response.headersSent) {
      response.end();
      return;
    }
    response
      .status(answer.status)
      .set({ 'Cache-Control': 'no-store', ...answer.headers })
      .json(answer.body);
  }

  private answerTo(thrown: unknown, request: Request): Answer {
    if (thrown instanceof OAuthError) return oauthAnswer(thrown, request);
    if (thrown instanceof HttpException) return httpAnswer(thrown, request);
    if (isDatabaseAway(thrown))
      return oauthAnswer(unavailable('the database is away', thrown), request);
    return oauthAnswer(new OAuthError('server_error', 'an internal error'), request);
  }
}

function oauthAnswer(error: OAuthError, request: Request): Answer {
  return {
    status: STATUS[error.code],
    body: { ...errorBody(error.code, error.message, request), ...error.members },
    reason: error.detail,
    headers: {
      ...(error.retryAfter === undefined ? {} : { 'Retry-After': String(error.retryAfter) }),
      ...(error.wwwAuthenticate === undefined ? {} : { 'WWW-Authenticate': error.wwwAuthenticate }),
    },
  };
}

function httpAnswer(exception: HttpException, request: Request): Answer {
  const status = exception.getStatus();
  const given = exception.getResponse();
  // Terminus has a format of its own, which Kubernetes tooling knows.
  if (typeof given === 'object' && 'details' in given && 'status' in given) {
    return { status, body: { ...given }, reason: 'not ready', headers: { 'Retry-After': '1' } };
  }
  const missed = status === 404 && isRouterMiss(exception);
  const methods = missed ? allowedMethods(request) : [];
  if (methods.length > 0 && !methods.includes(request.method)) {
    const body = errorBody('invalid_request', 'this method is not allowed here', request);
    return { status: 405, body, reason: 'method', headers: { Allow: methods.join(', ') } };
  }
  const extra = typeof given === 'object' && 'errors' in given ? { errors: given.errors } : {};
  const text = missed ? 'no such route' : isUndecodable(exception) ? UNDECODABLE : null;
  const code = CODE_OF_STATUS[status] ?? (status >= 500 ? 'server_error' : 'invalid_request');
  const body = { ...errorBody(code, text ?? describe(exception), request), ...extra };
  return { status, body, reason: text ?? exception.message, headers: {} };
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

function errorBody(error: string, description: string, request: Request) {
  return { error, error_description: description, requestId: requestIdOf(request).request_id };
}
