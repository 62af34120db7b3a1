import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAuthentication, type Authentication } from './authentication.js';

const claimsOf = ({ acr, amr, authTime }: Authentication) => ({
  ...(acr === undefined ? {} : { acr }),
  ...(amr === undefined ? {} : { amr }),
  ...(authTime === undefined ? {} : { auth_time: authTime }),
});

test.each([
  [{}, {}],
  [{ amr: [] }, {}],
  [{ amr: ['pwd', 'otp', 'pwd'] }, { amr: ['pwd', 'otp'] }],
  [{ auth_time: 1_800_000_000.9 }, { authTime: 1_800_000_000 }],
  [{ auth_time: 1 }, { authTime: 1 }],
  [
    { acr: 'urn:mfa', amr: ['pwd'], auth_time: 5 },
    { acr: 'urn:mfa', amr: ['pwd'], authTime: 5 },
  ],
])('reads %j', (claims, expected) => {
  expect(readAuthentication(claims)).toEqual(expected);
});

test.each([
  { acr: '' },
  { acr: null },
  { acr: 'a\nb' },
  { acr: 'a'.repeat(201) },
  { acr: '\uD800' },
  { amr: null },
  { amr: 'pwd' },
  { amr: [''] },
  { amr: ['pwd', 1] },
  { auth_time: 0 },
  { auth_time: 0.5 },
  { auth_time: -1 },
  { auth_time: 1e308 },
  { auth_time: '1' },
  { auth_time: null },
])('refuses %j', (claims) => {
  expect(readAuthentication(claims)).toBeNull();
});

test('reads what it has read, whatever an issuer said, as the same', () => {
  const line = fc.string({ unit: 'binary', maxLength: 3 });
  const claims = fc.record(
    {
      acr: fc.oneof(fc.string({ minLength: 1 }), line, fc.jsonValue()),
      amr: fc.oneof(fc.array(line), fc.array(fc.constantFrom('pwd', 'otp')), fc.jsonValue()),
      auth_time: fc.oneof(
        fc.double({ min: 0, max: 2e9 }),
        fc.double({ min: 0, max: 2 }),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  let seen = 0;
  fc.assert(
    fc.property(claims, (said) => {
      const read = readAuthentication(JSON.parse(JSON.stringify(said)));
      if (read === null) return;
      seen += 1;
      expect(readAuthentication(JSON.parse(JSON.stringify(claimsOf(read))))).toEqual(read);
    }),
    { numRuns: 1_000 },
  );
  expect(seen).toBeGreaterThan(50);
});
