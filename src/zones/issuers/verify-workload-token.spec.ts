import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { registeredKeys, readRegisteredJwks } from './jwks.js';
import type { KeySource } from './public-key-set.js';
import type { TrustedIssuer } from './trusted-issuer.js';
import { verifyWorkloadToken } from './verify-workload-token.js';

const NOW = 1_800_000_000;
const US = 'https://mandate.example';
const ISSUER: TrustedIssuer = {
  issuer: 'https://idp.example',
  jwks: null,
  jwksUri: null,
  audiences: ['app'],
  algorithms: ['ES256'],
  tokenTypes: ['jwt', 'id_token', 'client_assertion'],
  claimConditions: {},
  subjectClaim: 'sub',
  labelClaims: [],
  allowedClientIds: [],
  maxAgeSeconds: null,
  generation: 0,
  notBefore: null,
};

let keys: KeySource;
let sign: (claims?: JWTPayload) => Promise<string>;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  keys = registeredKeys(readRegisteredJwks({ keys: [await exportJWK(publicKey)] }));
  sign = (claims) =>
    new SignJWT({
      iss: ISSUER.issuer,
      sub: 'alice',
      aud: [US],
      iat: NOW,
      exp: NOW + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey);
});

const asWorkload = async (claims: JWTPayload, now = NOW, issuer: Partial<TrustedIssuer> = {}) =>
  verifyWorkloadToken(
    await sign(claims),
    { ...ISSUER, ...issuer },
    { audiences: [US], subject: 'alice', clientId: 'c', keys, now },
  );

test.each([
  [{ exp: NOW + 3_630 }, 'ok'],
  [{ exp: NOW + 3_631 }, 'too_long_lived'],
  [{ exp: NOW - 29, iat: NOW - 60 }, 'ok'],
  [{ exp: NOW - 30, iat: NOW - 60 }, 'expired'],
  [{ aud: 'app' }, 'wrong_audience'],
  [{ sub: 'Alice' }, 'wrong_sub'],
])("a workload's token with %j: %s", async (claims, expected) => {
  const verified = asWorkload(claims);
  expect(
    await verified.then(
      () => 'ok',
      (error: Error) => error.message,
    ),
  ).toBe(expected);
});

test('no token of a workload is one of an issuer that is not trusted for that', async () => {
  const issuer = { tokenTypes: ['jwt' as const] };
  await expect(asWorkload({}, NOW, issuer)).rejects.toThrow('token_type_not_allowed');
  await expect(asWorkload({}, NOW, { allowedClientIds: ['d'] })).rejects.toThrow(
    'client_not_allowed',
  );
});
