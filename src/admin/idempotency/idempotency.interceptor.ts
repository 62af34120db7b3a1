import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Idempotency } from './idempotency.service.js';

/** Says of a handler that it knows by itself which of its requests came before. */
export const KnowsItsRequests = Reflector.createDecorator<true>();

/** Has each request with an `Idempotency-Key` carried out once ({@link Idempotency}). */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly idempotency: Idempotency,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const byItself = this.reflector.get(KnowsItsRequests, context.getHandler());
    if (request.headers['idempotency-key'] === undefined || byItself) return next.handle();
    const handle = (): Promise<unknown> => lastValueFrom(next.handle());
    return from(this.idempotency.once(request, http.getResponse<Response>(), handle));
  }
}
