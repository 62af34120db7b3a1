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
import type { Asked } from './graph.service.js';

/** Routes that applications call with a session mandate as bearer, strict about bodies. */
export function ApplicationRoutes(): ClassDecorator {
  return applyDecorators(
    UseGuards(SessionBearerGuard),
    StrictBodies(),
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
  return { token: bearerToken(request), requestId: requestIdOf(request), type };
});

/**
 * @throws {NotFoundException} if there is nothing that the caller may see; malformed ids find nothing either
 */
export function known<T>(value: T | null, what: string): T {
  if (value === null) throw new NotFoundException(`no such ${what}`);
  return value;
}
