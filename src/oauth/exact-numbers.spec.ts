import { expect, test } from 'vitest';
import { hasExactNumbers } from './exact-numbers.js';

test.each([
  [true, Number.MAX_SAFE_INTEGER],
  [true, -1.5],
  [true, ['9007199254740993', { a: [null, true, 0] }]],
  [false, Number.MAX_SAFE_INTEGER + 1],
  [false, [{ a: { b: [1, -(2 ** 53)] } }]],
  [false, 1e300],
])('are its numbers those that were written? %s: %j', (exact, value) => {
  expect(hasExactNumbers(value)).toBe(exact);
});
