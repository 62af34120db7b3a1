import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { readRegisteredJwks, registeredKeys } from '../zones/issuers/jwks.js';
import type { KeySource } from '../zones/issuers/public-key-set.js';
import { clientNamedIn, verifyClientAssertion } from './client-assertion.js';

/** 2027-01-15T23:59:00Z. */
const NOW = 1_800_057_540;
const CLIENT = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';
const ISSUER = 'https://mandate.example';

let keys: KeySource;
let sign: (claims?: JWTPayload) => Promise<string>;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA');
  keys = registeredKeys(readRegisteredJwks({ keys: [await exportJWK(publicKey)] }));
  sign = (claims) =>
    new SignJWT({ iss: CLIENT, sub: CLIENT, aud: ISSUER, exp: NOW + 20, jti: 'a', ...claims })
      .setProtectedHeader({ alg: 'EdDSA' })
      .sign(privateKey);
});

const verify = async (claims: JWTPayload = {}, now = NOW, clientId = CLIENT, audience = ISSUER) =>
  verifyClientAssertion(await sign(claims), { clientId, audiences: [audience], keys, now });

const TOKEN_ENDPOINT = `${ISSUER}/oauth/2/token`;

test('an assertion has one name, on one day, whenever it is looked at', async () => {
  const first = await verify();
  expect(first.nonce).toMatch(/^[0-9a-f]{64}$/);
  expect(first.day).toBe('2027-01-15');
  expect(await verify({}, NOW + 45)).toEqual(first);
});

test('the day is the last one on which it is accepted', async () => {
  expect((await verify({ exp: NOW + 29 })).day).toBe('2027-01-15');
  // 23:59:30 is accepted for half a minute more.
  expect((await verify({ exp: NOW + 30 })).day).toBe('2027-01-16');
});

test('however long it lives, it is remembered for as long as it is accepted', async () => {
  const dayOf = (seconds: number) => new Date(seconds * 1_000).toISOString().slice(0, 10);
  const remembered = fc.asyncProperty(
    fc.integer({ min: -29, max: 3_630 }),
    fc.integer({ min: 0, max: 999 }),
    async (life, share) => {
      const exp = NOW + life;
      const [first, last] = [Math.max(NOW, exp - 3_630), exp + 30];
      const then = first + (share / 1_000) * (last - first);
      const [seen, again] = [await verify({ exp }), await verify({ exp }, then)];
      expect(again).toEqual(seen);
      expect(dayOf(then) <= seen.day).toBe(true);
    },
  );
  await fc.assert(remembered, { numRuns: 200 });
});

test('another jti and another client make another name', async () => {
  const names = [await verify(), await verify({ jti: 'b' })];
  const other = CLIENT.replace('a', 'b');
  names.push(await verify({ iss: other, sub: other }, NOW, other));
  expect(new Set(names.map(({ nonce }) => nonce)).size).toBe(3);
});

test.each([
  [{ exp: NOW + 3_630 }, 'ok'],
  [{ exp: NOW + 3_631 }, 'too_long_lived'],
  [{ exp: NOW - 29 }, 'ok'],
  [{ exp: NOW - 30 }, 'expired'],
  [{ iat: NOW + 19 }, 'ok'],
  [{ iat: NOW + 31, exp: NOW + 60 }, 'issued_in_future'],
  [{ nbf: NOW + 30 }, 'ok'],
  [{ nbf: NOW + 31 }, 'not_yet_valid'],
  [{ aud: [ISSUER] }, 'wrong_audience'],
  [{ aud: TOKEN_ENDPOINT }, 'wrong_audience'],
  [{ iss: 'another' }, 'wrong_issuer'],
  [{ sub: 'another' }, 'wrong_sub'],
  [{ jti: '' }, 'invalid_jti'],
  [{ jti: 'a b' }, 'invalid_jti'],
  [{ jti: 'x'.repeat(257) }, 'invalid_jti'],
])('%j: %s', async (claims, expected) => {
  const result = verify(claims);
  expect(
    await result.then(
      () => 'ok',
      (error: Error) => error.message,
    ),
  ).toBe(expected);
});

test.each([
  [TOKEN_ENDPOINT, 'ok'],
  [ISSUER, 'wrong_audience'],
  [[TOKEN_ENDPOINT], 'wrong_audience'],
  [[TOKEN_ENDPOINT, ISSUER], 'wrong_audience'],
  [`${TOKEN_ENDPOINT}/`, 'wrong_audience'],
  [`${TOKEN_ENDPOINT}?`, 'wrong_audience'],
  [TOKEN_ENDPOINT.replace('https:', 'HTTPS:'), 'wrong_audience'],
  ['', 'wrong_audience'],
])('for the token endpoint, aud %j: %s', async (aud, expected) => {
  const result = verify({ aud }, NOW, CLIENT, TOKEN_ENDPOINT);
  expect(
    await result.then(
      () => 'ok',
      (error: Error) => error.message,
    ),
  ).toBe(expected);
});

test('names whom it is of, whoever has signed it', async () => {
  expect(clientNamedIn(await sign())).toBe(CLIENT);
  expect(clientNamedIn(`${(await sign()).split('.').slice(0, 2).join('.')}.AA`)).toBe(CLIENT);
  expect(clientNamedIn(await sign({ sub: ['x'] as unknown as string }))).toBeNull();
  expect(clientNamedIn('x')).toBeNull();
});
