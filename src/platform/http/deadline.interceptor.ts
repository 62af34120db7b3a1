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

/** Milliseconds within which every request is answered that does not wait for anybody, whatever the database does. */
export const DEFAULT_DEADLINE_MS = 1_800;
const STEP_MS = 150;

/** Gives a route that does much at once, or waits for somebody, more time than others have, in milliseconds. */
export const AnswerWithin = Reflector.createDecorator<number | ((request: Request) => number)>();

/**
 * Answers 503 in time instead of letting callers wait for something that hangs. A request that is
 * still on its way here is not late because of us: how long that may take the listener decides.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const within = this.reflector.get(AnswerWithin, context.getHandler()) ?? DEFAULT_DEADLINE_MS;
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
