import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { firstValueFrom, NEVER, of, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AnswerWithin, DeadlineInterceptor } from './deadline.interceptor.js';
import { REQUEST_TIMEOUT_MS } from '../config/time-limits.js';
import { ArrivingBodies } from './overload/arriving-bodies.js';
import { inFlightOf, putInFlight } from './overload/in-flight.js';
import { Places } from './overload/places.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const usual = () => {};
const patient = () => {};
AnswerWithin(5_000)(patient);
const waiting = () => {};
AnswerWithin((_request, usualMs) => usualMs + 1_000)(waiting);

interface Knobs {
  readonly request?: IncomingMessage;
  readonly answer?: Observable<unknown>;
}

const newRequest = () => ({}) as IncomingMessage;

/** What becomes of a request whose handler never answers, or answers at once. */
function intercept(handler: () => void, { request = newRequest(), answer = NEVER }: Knobs = {}) {
  const context = {
    getHandler: () => handler,
    getClass: () => Object,
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
  const seen = { outcome: 'none' };
  const answered = firstValueFrom(
    new DeadlineInterceptor(new Reflector()).intercept(context, { handle: () => answer }),
  );
  answered.then(
    (value) => (seen.outcome = String(value)),
    (error: unknown) => (seen.outcome = String(Reflect.get(Object(error), 'code'))),
  );
  return seen;
}

describe('a request whose handler hangs', () => {
  test('is answered within two seconds', async () => {
    expect(REQUEST_TIMEOUT_MS).toBeLessThan(2_000);
    const seen = intercept(usual);
    await vi.advanceTimersByTimeAsync(REQUEST_TIMEOUT_MS - 1);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });

  test('is answered when its route says', async () => {
    const seen = intercept(patient);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });

  test.each([
    ['usual', 3_000, usual],
    ['a route that says less', 6_000, patient],
    ['a route that says how much longer', 4_000, waiting],
  ])('is answered when the configuration says: %s', async (_, ms, handler) => {
    const request = newRequest();
    putInFlight(request, {
      place: new Places(8, 1_800).place(null),
      withinMs: handler === waiting ? ms - 1_000 : ms,
      bodies: new ArrivingBodies({ bodies: 1, bytes: 1 }),
      count: () => {},
      closeAfterAnswer: () => {},
    });
    const seen = intercept(handler, { request });
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });

  test('has had its time since it arrived, wherever it waited', async () => {
    const request = newRequest();
    inFlightOf(request);
    await vi.advanceTimersByTimeAsync(REQUEST_TIMEOUT_MS - 100);
    const seen = intercept(usual, { request });
    await vi.advanceTimersByTimeAsync(99);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });

  test('has the time beside that its caller took to send the body', async () => {
    const request = newRequest();
    const seen = intercept(usual, { request });
    await vi.advanceTimersByTimeAsync(1_000);
    const body = inFlightOf(request).beginBody(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    body.over();
    await vi.advanceTimersByTimeAsync(REQUEST_TIMEOUT_MS - 1_001);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });
});

test('an answer in time is the answer', async () => {
  const seen = intercept(usual, { answer: of('answer') });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen.outcome).toBe('answer');
});
