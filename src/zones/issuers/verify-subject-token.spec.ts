import { decodeJwt, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TrustedIssuer } from './trusted-issuer.js';
import { ISSUER, newIssuerKeys, NOW, type IssuerKeys } from './trusted-issuer.fixture.js';
import { verifySubjectToken } from './verify-subject-token.js';

let keys: IssuerKeys['keys'];
let sign: IssuerKeys['sign'];

beforeAll(async () => {
  ({ keys, sign } = await newIssuerKeys());
});

const asUser = (token: string, now = NOW, issuer: Partial<TrustedIssuer> = {}) =>
  verifySubjectToken(
    token,
    { ...ISSUER, ...issuer },
    { tokenType: 'jwt', clientId: 'c', keys, now },
  );

test('says who the user is', async () => {
  const token = await sign({ jti: 'x', auth_time: NOW - 5, may_act: { sub: 'b' } });
  expect(await asUser(token)).toEqual({
    issuer: ISSUER.issuer,
    sub: 'alice',
    exp: NOW + 60,
    issuedAt: NOW,
    jti: 'x',
    authentication: { authTime: NOW - 5 },
    labels: [],
    mayAct: { sub: 'b' },
    authorizationDetails: [],
    claims: decodeJwt(token),
  });
});

test('forgets a jti that cannot be recorded', async () => {
  expect((await asUser(await sign({ jti: 'a b' }))).jti).toBeNull();
});

describe('time', () => {
  test('a subject token ends when it says, to the second', async () => {
    const token = await sign();
    expect((await asUser(token, NOW + 59.9)).exp).toBe(NOW + 60);
    await expect(asUser(token, NOW + 60)).rejects.toThrow('expired');
    await expect(asUser(token, Number.NaN)).rejects.toThrow('expired');
  });

  test('a fraction never prolongs anything', async () => {
    expect((await asUser(await sign({ exp: NOW + 60.9 }))).exp).toBe(NOW + 60);
  });

  test.each([
    [{ iat: NOW + 30 }, 'ok'],
    [{ iat: NOW + 31 }, 'issued_in_future'],
    [{ nbf: NOW + 30 }, 'ok'],
    [{ nbf: NOW + 31 }, 'not_yet_valid'],
    [{ iat: NOW - 100 }, 'ok'],
    [{ iat: NOW - 101 }, 'too_old'],
  ])('%j with a maximum age of 100: %s', async (claims, expected) => {
    const verified = asUser(await sign(claims), NOW, { maxAgeSeconds: 100 });
    expect(
      await verified.then(
        () => 'ok',
        (error: Error) => error.message,
      ),
    ).toBe(expected);
  });
});

describe('a subject token is refused', () => {
  const outcome = (verified: Promise<unknown>) =>
    verified.then(
      () => 'ok',
      (error: Error) => error.message,
    );

  test.each<[JWTPayload, string]>([
    [{}, 'ok'],
    [{ iss: 'https://other.example' }, 'wrong_issuer'],
    [{ aud: 'other' }, 'wrong_audience'],
    [{ aud: ['other', 'app'] }, 'ok'],
    [{ aud: ['app', ''] }, 'invalid_aud'],
    [{ aud: [] }, 'wrong_audience'],
    [{ act: { sub: 'b' } }, 'has_an_actor'],
    [{ cnf: { jkt: 'x' } }, 'sender_constrained'],
    [{ events: {} }, 'another_kind'],
    [{ may_act: 'b' }, 'invalid_may_act'],
  ])('with %j: %s', async (claims, expected) => {
    expect(await outcome(asUser(await sign(claims)))).toBe(expected);
  });

  test.each<[string, Partial<TrustedIssuer>, string]>([
    [
      'another kind of token',
      { tokenTypes: ['id_token', 'client_assertion'] },
      'token_type_not_allowed',
    ],
    ['another client', { allowedClientIds: ['d'] }, 'client_not_allowed'],
    ['this client', { allowedClientIds: ['d', 'c'] }, 'ok'],
    ['another algorithm', { algorithms: ['EdDSA'] }, 'alg_not_allowed'],
    ['tokens of a tenant', { claimConditions: { tenant: ['t'] } }, 'condition_not_met'],
  ])('of an issuer that is trusted for %s', async (_what, issuer, expected) => {
    expect(await outcome(asUser(await sign(), NOW, issuer))).toBe(expected);
  });
});

test.each<[string, unknown, string | readonly string[]]>([
  [
    'as text, as a number or as a yes',
    ['9007199254740993', 7, 1.5, true],
    ['n=1.5', 'n=7', 'n=9007199254740993', 'n=true'],
  ],
  ['the largest whole number that is told from the next', 2 ** 53 - 1, ['n=9007199254740991']],
  ['a whole number beyond it', 2 ** 53, 'invalid_labels'],
  ['one among others', ['x', -(2 ** 53)], 'invalid_labels'],
])('labels of a user are what its token says: %s', async (_what, n, expected) => {
  const verified = asUser(await sign({ n }), NOW, { labelClaims: ['n'] });
  const outcome = verified.then(
    ({ labels }) => labels,
    (error: Error) => error.message,
  );
  expect(await outcome).toEqual(expected);
});
