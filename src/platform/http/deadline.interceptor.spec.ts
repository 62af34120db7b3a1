import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { firstValueFrom, NEVER, of, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AnswerWithin, DeadlineInterceptor } from './deadline.interceptor.js';
import { DEFAULT_DEADLINE_MS, inFlightOf } from './overload/in-flight.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const usual = () => {};
const patient = () => {};
AnswerWithin(5_000)(patient);

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
    expect(DEFAULT_DEADLINE_MS).toBeLessThan(2_000);
    const seen = intercept(usual);
    await vi.advanceTimersByTimeAsync(DEFAULT_DEADLINE_MS - 1);
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

  test('has had its time since it arrived, wherever it waited', async () => {
    const request = newRequest();
    inFlightOf(request);
    await vi.advanceTimersByTimeAsync(DEFAULT_DEADLINE_MS - 100);
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
    await vi.advanceTimersByTimeAsync(DEFAULT_DEADLINE_MS - 1_001);
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
