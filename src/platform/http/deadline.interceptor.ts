import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { Observable, race } from 'rxjs';
import { atDeadline, deadlinePassed } from './overload/deadline.js';
import { inFlightOf, type InFlight } from './overload/in-flight.js';

/**
 * Sets a later deadline for a route, or for all of a controller, in milliseconds: for one that does much at once, or waits
 * for a decision. A function is given what it usually is.
 */
export const AnswerWithin = Reflector.createDecorator<
  number | ((request: Request, usualMs: number) => number)
>();

/**
 * Answers 503 when the deadline of a route has passed, so that callers do not wait for something that hangs. The
 * deadline counts from the arrival of the request, whatever it has waited for since.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const within =
      this.reflector.getAllAndOverride(AnswerWithin, [context.getHandler(), context.getClass()]) ??
      0;
    const inFlight = inFlightOf(request);
    inFlight.answerWithin(
      typeof within === 'function' ? (usualMs) => within(request, usualMs) : within,
    );
    return race(next.handle(), tooLate(inFlight));
  }
}

/** Fails when the deadline has passed. */
function tooLate(inFlight: InFlight): Observable<never> {
  return new Observable((subscriber) =>
    atDeadline(inFlight, () => subscriber.error(deadlinePassed())),
  );
}
