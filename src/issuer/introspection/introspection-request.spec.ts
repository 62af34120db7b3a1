import { expect, test } from 'vitest';
import { MAX_TOKEN_LENGTH } from '../../oauth/compact-jws.js';
import { unitsOf } from './introspection-request.js';

const of = (count: number, length: number) =>
  unitsOf({ tokens: Array.from({ length: count }, () => 'x'.repeat(length)), isBatch: true });

test('ten tokens count as one request, and so does as much text as one token may have', () => {
  expect([1, 10, 11, 100].map((count) => of(count, 900))).toEqual([1, 1, 2, 10]);
  expect(of(1, MAX_TOKEN_LENGTH)).toBe(1);
  expect(of(60, MAX_TOKEN_LENGTH)).toBe(60);
  // That is too long to be read at all.
  expect(of(60, MAX_TOKEN_LENGTH + 1)).toBe(6);
});
