import { applyDecorators, Controller, UseGuards, UsePipes, ValidationPipe } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { AdminGuard } from './admin.guard.js';

/** A controller of operators' routes: guarded, and strict about bodies. */
export function AdminController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(`internal/${path}`),
    UseGuards(AdminGuard),
    UsePipes(
      new ValidationPipe({
        whitelist: true,
        forbidNonWhitelisted: true,
        transform: true,
        stopAtFirstError: true,
        validationError: { target: false, value: false },
      }),
    ),
    ApiBearerAuth('admin'),
    ApiTags('operators'),
  );
}
