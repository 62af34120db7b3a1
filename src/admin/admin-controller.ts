import {
  applyDecorators,
  Controller,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '../platform/http/openapi-decorators.js';
import { StrictBodies } from '../platform/http/strict-bodies.js';
import { TURN_DEADLINE_MS } from '../platform/database/zone-turn.js';
import { AnswerWithin } from '../platform/http/deadline.interceptor.js';
import { AdminGuard } from './admin.guard.js';
import { AskedRequests } from './asked-request.js';
import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor.js';
import { Permissions, type Noun } from './permission.js';
import { QueryParameters } from './query-parameters.js';

/** What a controller of operators' routes is about, and who comes in. */
export interface AdminRoutes {
  /** What its routes read (`GET`, `HEAD`) and write (all others), unless a handler says otherwise by `@Permission`. */
  readonly noun: Noun;
  /** Guards that are asked before, and may let a request in in another way. */
  readonly guards?: readonly Type<CanActivate>[];
  /** Below which path they are. */
  readonly below?: 'internal' | 'admin/management';
}

/**
 * A controller of operators' routes: guarded, and strict about bodies.
 *
 * @param path below `/internal`, or where else they are
 */
export function AdminController(
  path: string,
  { noun, guards = [], below = 'internal' }: AdminRoutes,
): ClassDecorator {
  return applyDecorators(
    Controller(`${below}/${path}`),
    UseGuards(...guards, AdminGuard),
    Permissions(noun),
    StrictBodies(),
    UseInterceptors(AskedRequests, IdempotencyInterceptor, QueryParameters),
    AnswerWithin(TURN_DEADLINE_MS),
    ApiBearerAuth('admin'),
    ApiTags('operators'),
  );
}
