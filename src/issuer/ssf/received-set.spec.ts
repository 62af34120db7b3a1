import { expect, test } from 'vitest';
import { SESSION_REVOKED, TOKEN_CLAIMS_CHANGE, VERIFICATION } from './event-types.js';
import { mayBeActedOn, readSet, type SetTerms } from './received-set.js';

const NOW = 1_800_000_000;
const IDP = 'https://idp.example';
const TERMS: SetTerms = {
  issuer: {
    issuer: IDP,
    subjectClaim: 'sub',
    labelClaims: ['groups', '/realm_access/roles'],
    claimConditions: { email_verified: [true] },
  },
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
  [
    'the user of a complex subject with more',
    {
      sub_id: {
        format: 'complex',
        user: USER,
        tenant: { format: 'opaque', id: 't' },
        device: { format: 'opaque', id: 'd' },
      },
    },
    'alice',
  ],
  [
    'a user by one of several names',
    { sub_id: { format: 'aliases', identifiers: [{ format: 'opaque', id: 'x' }, USER] } },
    'alice',
  ],
  [
    'a complex subject without a user',
    { sub_id: { format: 'complex', session: USER, tenant: { format: 'opaque', id: 't' } } },
    null,
  ],
  [
    'a complex subject in a complex one',
    { sub_id: { format: 'complex', user: { format: 'complex', user: USER } } },
    null,
  ],
  [
    'claims that we go by',
    { events: { [TOKEN_CLAIMS_CHANGE]: { claims: { groups: [] } } } },
    'alice',
  ],
  [
    'claims in a claim that we go by',
    { events: { [TOKEN_CLAIMS_CHANGE]: { claims: { realm_access: { roles: [] } } } } },
    'alice',
  ],
  [
    'claims that are a condition',
    { events: { [TOKEN_CLAIMS_CHANGE]: { claims: { name: 'A', email_verified: false } } } },
    'alice',
  ],
  ['other claims', { events: { [TOKEN_CLAIMS_CHANGE]: { claims: { phone: '1' } } } }, null],
  ['claims without any', { events: { [TOKEN_CLAIMS_CHANGE]: {} } }, null],
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
  expect(readSet(claims as never, TERMS)).toMatchObject({ jti: 'one', revoked });
});

test('finds a user by email where the tokens of the issuer name users so', () => {
  const claims = { ...GOOD, sub_id: { format: 'email', email: 'alice@example.com' } };
  const issuer = { ...TERMS.issuer, subjectClaim: 'email' };
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

test('sees without a signature what is of no consequence', () => {
  expect(mayBeActedOn({ ...GOOD, events: { [VERIFICATION]: {} } })).toBe(false);
  expect(mayBeActedOn(GOOD)).toBe(true);
  expect(mayBeActedOn({ ...GOOD, events: { [TOKEN_CLAIMS_CHANGE]: {} } })).toBe(true);
  expect(mayBeActedOn({ iss: IDP })).toBe(true);
});
