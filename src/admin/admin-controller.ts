import {
  applyDecorators,
  Controller,
  UseGuards,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '../platform/http/openapi-decorators.js';
import { StrictBodies } from '../platform/http/strict-bodies.js';
import { TURN_DEADLINE_MS } from '../platform/database/zone-turn.js';
import { AnswerWithin } from '../platform/http/deadline.interceptor.js';
import { AdminGuard } from './admin.guard.js';

/**
 * A controller of operators' routes: guarded, and strict about bodies.
 *
 * @param path below `/internal`
 * @param others guards that are asked before, and may let a request in in another way
 */
export function AdminController(path: string, ...others: Type<CanActivate>[]): ClassDecorator {
  return applyDecorators(
    Controller(`internal/${path}`),
    UseGuards(...others, AdminGuard),
    StrictBodies(),
    AnswerWithin(TURN_DEADLINE_MS),
    ApiBearerAuth('admin'),
    ApiTags('operators'),
  );
}
