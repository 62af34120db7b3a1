import { applyDecorators, Controller, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { strictBodies } from '../platform/http/strict-bodies.js';
import { AdminGuard } from './admin.guard.js';

/** A controller of operators' routes: guarded, and strict about bodies. */
export function AdminController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(`internal/${path}`),
    UseGuards(AdminGuard),
    UsePipes(strictBodies()),
    ApiBearerAuth('admin'),
    ApiTags('operators'),
  );
}
