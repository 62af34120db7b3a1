import { expect, test } from 'vitest';
import { FailedAttempts, MAX_ATTEMPTS } from './failed-attempts.js';

const attempts = (failed: FailedAttempts, id: string, cursorId: string | null, count: number) =>
  Array.from({ length: count }, () => failed.next({ id, cursorId }));

test('are further apart each time, and come to an end', () => {
  const failed = new FailedAttempts();
  expect(attempts(failed, 'a', null, MAX_ATTEMPTS)).toEqual([5, 10, 20, 40, 60, null]);
  expect(failed.next({ id: 'a', cursorId: null })).toBe(5);
});

test('are counted of each replay, and from the start where it has come further', () => {
  const failed = new FailedAttempts();
  expect(attempts(failed, 'a', null, 3)).toEqual([5, 10, 20]);
  expect(attempts(failed, 'b', null, 2)).toEqual([5, 10]);
  expect(attempts(failed, 'a', 'further', 2)).toEqual([5, 10]);
});
