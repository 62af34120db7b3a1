import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { firstValueFrom, NEVER, of, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AnswerWithin, DEFAULT_DEADLINE_MS, DeadlineInterceptor } from './deadline.interceptor.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const usual = () => {};
const patient = () => {};
AnswerWithin(5_000)(patient);

interface Knobs {
  readonly request?: { complete: boolean };
  readonly answer?: Observable<unknown>;
}

/** What becomes of a request whose handler never answers, or answers at once. */
function intercept(
  handler: () => void,
  { request = { complete: true }, answer = NEVER }: Knobs = {},
) {
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
    await vi.advanceTimersByTimeAsync(4_900);
    expect(seen.outcome).toBe('none');
    await vi.advanceTimersByTimeAsync(250);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });

  test('has its time from the moment when it has arrived', async () => {
    const request = { complete: false };
    const seen = intercept(usual, { request });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.outcome).toBe('none');
    request.complete = true;
    await vi.advanceTimersByTimeAsync(DEFAULT_DEADLINE_MS);
    expect(seen.outcome).toBe('temporarily_unavailable');
  });
});

test('an answer in time is the answer', async () => {
  const seen = intercept(usual, { answer: of('answer') });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen.outcome).toBe('answer');
});
