import { expect, test } from 'vitest';
import { OAuthError } from '../../oauth/errors.js';
import { FeedSeats } from './feed-seats.js';

const codeOf = (take: () => unknown): string | null => {
  try {
    take();
    return null;
  } catch (error) {
    return error instanceof OAuthError ? error.code : 'other';
  }
};

test('a client has a quarter, a zone half, and others still find a seat', () => {
  const seats = new FeedSeats(8);
  seats.take('z', 'a');
  const leave = seats.take('z', 'a');
  expect(codeOf(() => seats.take('z', 'a'))).toBe('slow_down');
  seats.take('z', 'b');
  seats.take('z', 'c');
  expect(codeOf(() => seats.take('z', 'd'))).toBe('temporarily_unavailable');
  seats.take('y', 'e');
  leave();
  leave();
  expect(seats.taken).toBe(4);
  seats.take('z', 'a');
  for (const client of ['f', 'g', 'h']) seats.take('y', client);
  expect(seats.taken).toBe(8);
  expect(codeOf(() => seats.take('x', 'i'))).toBe('temporarily_unavailable');
});
