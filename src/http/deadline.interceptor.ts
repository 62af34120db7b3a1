import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { filter, interval, map, race, skip, type Observable } from 'rxjs';
import { unavailable } from '../oauth/errors.js';

/** Milliseconds within which every request is answered, whatever the database does. */
const DEADLINE_MS = 1_800;
const STEP_MS = 150;

/** Gives a route that does much at once more time than others have, in milliseconds. */
export const AnswerWithin = Reflector.createDecorator<number>();

/**
 * Answers 503 in time instead of letting callers wait for something that hangs. A request that is
 * still on its way here is not late because of us: how long that may take the listener decides.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const deadline = this.reflector.get(AnswerWithin, context.getHandler()) ?? DEADLINE_MS;
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
