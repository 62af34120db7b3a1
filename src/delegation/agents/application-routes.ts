import {
  applyDecorators,
  createParamDecorator,
  NotFoundException,
  UseGuards,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiBearerAuth, ApiResponse, ApiTags } from '../../platform/http/openapi-decorators.js';
import type { Request } from 'express';
import { StrictBodies } from '../../platform/http/strict-bodies.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { SessionBearerGuard } from '../../authentication/session-bearer.guard.js';
import { bearerToken } from '../../authentication/session-bearers.service.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { TURN_DEADLINE_MS } from '../../platform/database/zone-turn.js';
import { idempotencyKeyOf } from '../coordinator/idempotency.js';
import type { Asked } from './graph.service.js';

/**
 * Routes that applications call with a session mandate as bearer.
 *
 * @param bodies what their bodies are held to: strict about members that are not declared, unless it says otherwise
 */
export function ApplicationRoutes(bodies = StrictBodies()): ClassDecorator {
  return applyDecorators(
    UseGuards(SessionBearerGuard),
    bodies,
    AnswerWithin(TURN_DEADLINE_MS),
    ApiBearerAuth('mandate'),
    ApiTags('agents'),
    ApiResponse({
      status: 400,
      description: 'The request, a session or a delegation is not usable',
    }),
    ApiResponse({ status: 401, description: 'The bearer is not a usable session mandate' }),
    ApiResponse({ status: 429, description: 'Too many requests, or too many agent sessions' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
  );
}

/** What a handler's request asks for. Its argument is the name that this has in the audit log. */
export const AskedFor = createParamDecorator((type: string, context: ExecutionContext): Asked => {
  const request = context.switchToHttp().getRequest<Request>();
  const { zone: inZone } = request.params;
  return {
    token: bearerToken(request),
    requestId: requestIdOf(request),
    type,
    ...(typeof inZone === 'string' ? { inZone } : {}),
  };
});

/** The `Idempotency-Key` of a handler's request; `null` without one. */
export const IdempotencyKey = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | null =>
    idempotencyKeyOf(context.switchToHttp().getRequest<Request>()),
);

/**
 * @throws {NotFoundException} if there is nothing that the caller may see; malformed ids find nothing either
 */
export function known<T>(value: T | null, what: string): T {
  if (value === null) throw new NotFoundException(`no such ${what}`);
  return value;
}
