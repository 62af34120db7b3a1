import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_SET_MAX_AGE, KEY_SET_REFRESH, PUBLICATION_LEAD } from '../rotation/key-schedule.js';
import { cacheControlAt, keySetOf, STALE_IF_ERROR, type PublicKey } from './key-set.js';
import { newSchedule } from '../rotation/rotation.js';

const key = (more: Partial<PublicKey> = {}): PublicKey => ({
  kid: 'k',
  alg: 'ES256',
  publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'private', oth: [] },
  certificate: null,
  ...newSchedule(0, 0),
  ...more,
});
const kidsAt = (keys: readonly PublicKey[], now: number) =>
  (JSON.parse(keySetOf(keys, now).body.toString()) as { keys: { kid: string }[] }).keys.map(
    ({ kid }) => kid,
  );

describe('a key set', () => {
  test('has nothing private in it, whatever is stored', () => {
    expect(JSON.parse(keySetOf([key()], 0).body.toString())).toEqual({
      keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k', use: 'sig', alg: 'ES256' }],
    });
  });

  test('has a certificate where there is one', () => {
    const { body } = keySetOf([key({ certificate: Buffer.of(255, 254, 253) })], 0);
    expect(JSON.parse(body.toString())).toMatchObject({ keys: [{ x5c: ['//79'] }] });
  });

  test('has what is pending, active and retiring, and says when that ends', () => {
    const keys = [
      key({ kid: 'pending', activatesAt: 900 }),
      key({ kid: 'active' }),
      key({ kid: 'retiring', retiresAt: 50, expiresAt: 200 }),
      key({ kid: 'retired', retiresAt: 10, expiresAt: 100 }),
      key({ kid: 'compromised', compromisedAt: 10 }),
    ];
    expect(kidsAt(keys, 100)).toEqual(['pending', 'active', 'retiring']);
    expect(keySetOf(keys, 100).changesAt).toBe(200);
    expect(kidsAt(keys, 200)).toEqual(['pending', 'active']);
    expect(keySetOf(keys, 200).changesAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what is said about caching', () => {
  test('is the usual while the set is looked at as usual', () => {
    for (const age of [0, 5, KEY_SET_REFRESH]) {
      expect(cacheControlAt(age)).toBe('public, max-age=300, stale-if-error=3600');
    }
  });

  test('an old set is not fresh any more, and at last not served', () => {
    expect(cacheControlAt(KEY_SET_REFRESH + 100)).toBe('public, max-age=200, stale-if-error=3600');
    expect(cacheControlAt(KEY_SET_REFRESH + 301)).toBe('public, max-age=0, stale-if-error=3599');
    const last = KEY_SET_REFRESH + KEY_SET_MAX_AGE + STALE_IF_ERROR;
    expect(cacheControlAt(last - 1)).toBe('public, max-age=0, stale-if-error=1');
    expect(cacheControlAt(last)).toBeNull();
  });

  test('whoever honours it has asked again before a key signs that was not in the set', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 10_000, noNaN: true }), (age) => {
        const maxAge = Number(/max-age=(\d+)/.exec(cacheControlAt(age) ?? '')?.[1] ?? 0);
        // A key that was published right after the set was read signs PUBLICATION_LEAD later.
        if (maxAge > 0) expect(age + maxAge).toBeLessThan(PUBLICATION_LEAD);
      }),
    );
  });
});
