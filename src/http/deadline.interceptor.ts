import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, throwError, timeout, TimeoutError, type Observable } from 'rxjs';
import { unavailable } from '../oauth/errors.js';

/** Milliseconds within which every request is answered, whatever the database does. */
const DEADLINE_MS = 1_800;

/** Answers 503 in time instead of letting callers wait for something that hangs. */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      timeout(DEADLINE_MS),
      catchError((error: unknown) =>
        throwError(() =>
          error instanceof TimeoutError ? unavailable('the deadline has passed', error) : error,
        ),
      ),
    );
  }
}
