import {
  applyDecorators,
  BadRequestException,
  Injectable,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type ValidationError,
  type ValidationPipeOptions,
} from '@nestjs/common';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { fieldErrors } from './field-error.js';
import { readJsonBody } from './json-body.js';

/** Reads the body of a request after its guards have let it in, and before pipes look at it. */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await readJsonBody(context.switchToHttp().getRequest<Request>());
    return next.handle();
  }
}

/**
 * The bodies of a controller's routes: JSON objects, in which whatever is not declared is refused, and
 * nothing of which is repeated. A handler without a body refuses what is no JSON object as well, so that
 * nothing that a caller sends is silently dropped.
 */
export function StrictBodies(): ClassDecorator {
  return bodies({ whitelist: true, forbidNonWhitelisted: true });
}

/**
 * The same for routes whose clients were made for another server, and send it more: members that are not declared are
 * left alone, and those that are declared are held to what is declared.
 */
export function TolerantBodies(): ClassDecorator {
  return bodies({});
}

function bodies(unknown: ValidationPipeOptions): ClassDecorator {
  return applyDecorators(
    UseInterceptors(JsonBodyInterceptor),
    UsePipes(
      new FieldsPipe({
        ...unknown,
        transform: true,
        stopAtFirstError: true,
        validationError: { target: false, value: false },
      }),
    ),
  );
}

/** Says of what it refuses where that is, beside what Nest's own pipe says. */
class FieldsPipe extends ValidationPipe {
  override createExceptionFactory() {
    return (found: ValidationError[] = []): BadRequestException =>
      new BadRequestException({
        message: this.flattenValidationErrors(found),
        errors: fieldErrors(found),
      });
  }
}
