import { expect, test } from 'vitest';
import { SESSION_REVOKED, VERIFICATION } from './event-types.js';
import { readSet, type SetTerms } from './received-set.js';

const NOW = 1_800_000_000;
const IDP = 'https://idp.example';
const TERMS: SetTerms = {
  issuer: { issuer: IDP, subjectClaim: 'sub' },
  audiences: ['https://sts.example/zones/z', 'https://sts.example/zones/z/ssf/receive'],
  now: NOW,
};
const USER = { format: 'iss_sub', iss: IDP, sub: 'alice' };
const GOOD = {
  iss: IDP,
  aud: 'https://sts.example/zones/z',
  jti: 'one',
  iat: NOW,
  sub_id: USER,
  events: { [SESSION_REVOKED]: {} },
};

test.each([
  ['a user', {}, 'alice'],
  ['one of several audiences', { aud: ['https://x.example', GOOD.aud] }, 'alice'],
  [
    'the user of a session',
    { sub_id: { format: 'complex', session: { format: 'opaque', id: 's' }, user: USER } },
    'alice',
  ],
  ['a user of another issuer', { sub_id: { ...USER, iss: 'https://other.example' } }, null],
  ['a user by another name', { sub_id: { format: 'email', email: 'alice@example.com' } }, null],
  ['a session alone', { sub_id: { format: 'opaque', id: 's' } }, null],
  ['a user without a name', { sub_id: { format: 'iss_sub', iss: IDP } }, null],
  ['nobody', { sub_id: undefined }, null],
  ['another event', { events: { [VERIFICATION]: {} } }, null],
  ['an event of almost a week ago', { iat: NOW - 7 * 86_400 + 1 }, 'alice'],
])('reads a token about %s', (_what, change, revoked) => {
  const claims = Object.fromEntries(
    Object.entries({ ...GOOD, ...change }).filter(([, value]) => value !== undefined),
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as a reader of JSON gives it
  expect(readSet(claims as never, TERMS)).toEqual({ jti: 'one', revoked });
});

test('finds a user by email where the tokens of the issuer name users so', () => {
  const claims = { ...GOOD, sub_id: { format: 'email', email: 'alice@example.com' } };
  const issuer = { issuer: IDP, subjectClaim: 'email' };
  expect(readSet(claims, { ...TERMS, issuer }).revoked).toBe('alice@example.com');
  // A sub that is no email names nobody here.
  expect(readSet(GOOD, { ...TERMS, issuer }).revoked).toBeNull();
});

test.each([
  ['for somebody else', { aud: 'https://x.example' }, 'invalid_audience'],
  ['for nobody', { aud: [] }, 'invalid_audience'],
  ['without a jti', { jti: '' }, 'invalid_request'],
  ['with a long jti', { jti: 'x'.repeat(257) }, 'invalid_request'],
  ['of the future', { iat: NOW + 61 }, 'invalid_request'],
  ['of the past', { iat: NOW - 7 * 86_400 - 1 }, 'invalid_request'],
  ['of no time', { iat: '1' }, 'invalid_request'],
  ['without events', { events: {} }, 'invalid_request'],
  ['with a list of events', { events: [SESSION_REVOKED] }, 'invalid_request'],
])('refuses a token %s', (_what, change, err) => {
  expect(() => readSet({ ...GOOD, ...change }, TERMS)).toThrow(expect.objectContaining({ err }));
});
