import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { filter, interval, map, race, skip, type Observable } from 'rxjs';
import { unavailable } from '../../oauth/errors.js';

/** Milliseconds within which a request is answered, whatever the database does, unless its route says otherwise. */
export const DEFAULT_DEADLINE_MS = 1_800;
const STEP_MS = 150;

/** Sets the deadline of a route, or of all of a controller, in milliseconds: for one that does much at once, or waits for a decision. */
export const AnswerWithin = Reflector.createDecorator<number | ((request: Request) => number)>();

/**
 * Answers 503 when the deadline of a route has passed, so that callers do not wait for something that
 * hangs. The deadline starts when the request has arrived; the listener limits how long that may take.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const within =
      this.reflector.getAllAndOverride(AnswerWithin, [context.getHandler(), context.getClass()]) ??
      DEFAULT_DEADLINE_MS;
    const deadline = typeof within === 'function' ? within(request) : within;
    const tooLate = interval(STEP_MS).pipe(
      filter(() => request.complete),
      skip(Math.ceil(deadline / STEP_MS) - 1),
      map(() => {
        throw unavailable('the deadline has passed');
      }),
    );
    return race(next.handle(), tooLate);
  }
}
