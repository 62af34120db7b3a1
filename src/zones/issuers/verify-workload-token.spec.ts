import type { JWTPayload } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import type { TrustedIssuer } from './trusted-issuer.js';
import { ISSUER, newIssuerKeys, NOW, type IssuerKeys } from './trusted-issuer.fixture.js';
import { verifyWorkloadToken } from './verify-workload-token.js';

const US = 'https://mandate.example';

let keys: IssuerKeys['keys'];
let sign: IssuerKeys['sign'];

beforeAll(async () => {
  ({ keys, sign } = await newIssuerKeys());
});

const asWorkload = async (claims: JWTPayload, now = NOW, issuer: Partial<TrustedIssuer> = {}) =>
  verifyWorkloadToken(
    await sign({ aud: [US], ...claims }),
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
