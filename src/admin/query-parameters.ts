import {
  BadRequestException,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import type { Observable } from 'rxjs';

const READING = ['GET', 'HEAD'];

/**
 * Refuses parameters of requests that change something, where their handler takes none: who asks for a dry run of a route
 * that knows no dry runs would have the thing done otherwise.
 */
@Injectable()
export class QueryParameters implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { method, query } = context.switchToHttp().getRequest<Request>();
    const given = READING.includes(method) ? [] : Object.keys(query);
    if (given.length > 0 && !takesQuery(context)) throw unknown(given);
    return next.handle();
  }
}

/** Whether a handler has its parameters as an argument: then they are checked like its body. */
function takesQuery(context: ExecutionContext): boolean {
  const { name } = context.getHandler();
  const read: object | undefined = Reflect.getMetadata(
    ROUTE_ARGS_METADATA,
    context.getClass(),
    name,
  );
  return Object.keys(read ?? {}).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}

function unknown(names: readonly string[]): BadRequestException {
  const errors = names.map((field) => ({
    field,
    message: `property ${field} should not exist`,
    code: 'unknown_member',
  }));
  return new BadRequestException({ message: errors.map(({ message }) => message), errors });
}
