import { expect, test } from 'vitest';
import { parseCompactJws } from '../../oauth/compact-jws.js';
import { lookAt } from './look-at.js';

const ZONE = '0190a000-0000-7000-8000-000000000001';
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that nobody has signed. */
const token = (claims: object) =>
  `${encoded({ alg: 'ES256', kid: 'k', typ: 'at+jwt' })}.${encoded(claims)}.${encoded({})}`;

/** Looks at a token, and counts the signature checks that it costs. */
async function look(text: string) {
  let checks = 0;
  const zone = {
    zoneId: ZONE,
    issuer: 'https://mandate.example',
    formerIssuer: null,
    resources: new Map(),
    keys: { findKey: (kid: string) => ({ kid, alg: 'ES256', publicKey: {} }) },
  };
  const verified = {
    parse: parseCompactJws,
    isSignedBy: () => {
      checks += 1;
      return Promise.resolve(false);
    },
  };
  const caller = { zone, client: { id: 'me' }, by: 'client' };
  return { found: await lookAt(text, caller as never, 1_800_000_000_000, verified), checks };
}

const mine = { zone_id: ZONE, use: 'resource', client_id: 'me', target: ['a'] };

test('what is none of the caller’s business costs no signature check', async () => {
  expect(await look('x')).toEqual({ found: 'malformed', checks: 0 });
  expect(await look(token({}))).toEqual({ found: 'not_a_mandate', checks: 0 });
  expect(await look(token({ ...mine, zone_id: 'another' }))).toEqual({
    found: 'not_a_mandate',
    checks: 0,
  });
  expect(await look(token({ ...mine, client_id: 'you' }))).toEqual({
    found: 'not_yours',
    checks: 0,
  });
  expect(await look(token(mine))).toEqual({ found: 'not_a_mandate', checks: 1 });
});
