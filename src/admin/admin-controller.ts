import {
  applyDecorators,
  Controller,
  UseGuards,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { StrictBodies } from '../platform/http/strict-bodies.js';
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
    ApiBearerAuth('admin'),
    ApiTags('operators'),
  );
}
