import { expect, test } from 'vitest';
import { revocationBounds } from './revocation-bounds.js';

test('a verifier that keeps status lists may be behind by two of their periods', () => {
  expect(revocationBounds({ statusListSeconds: 30 })).toEqual({
    introspection: 0,
    exchange: 0,
    status_list: 61,
    feed: 10,
    expiry: 900,
  });
  expect(revocationBounds({ statusListSeconds: 5 }).status_list).toBe(11);
});
