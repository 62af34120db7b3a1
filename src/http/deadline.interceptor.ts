import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { filter, interval, map, race, skip, type Observable } from 'rxjs';
import { unavailable } from '../oauth/errors.js';

/** Every request is answered within so many steps of so many milliseconds, whatever the database does. */
const STEPS = 12;
const STEP_MS = 150;

/**
 * Answers 503 in time instead of letting callers wait for something that hangs. A request that is
 * still on its way here is not late because of us: how long that may take the listener decides.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const tooLate = interval(STEP_MS).pipe(
      filter(() => request.complete),
      skip(STEPS - 1),
      map(() => {
        throw unavailable('the deadline has passed');
      }),
    );
    return race(next.handle(), tooLate);
  }
}
