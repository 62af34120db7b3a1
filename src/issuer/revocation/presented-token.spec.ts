import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { presentedToken, type PresentedTo } from './presented-token.js';

const ID = '01900000-0000-7000-8000-000000000001';
const ZONE = '01900000-0000-7000-8000-000000000002';
const NOW = 1_800_000_000;
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const CLAIMS = {
  jti: ID,
  client_id: ID,
  sid: ID,
  root_sid: ID,
  zone_id: ZONE,
  use: 'session',
  iat: NOW - 900,
  exp: NOW,
};

function token(
  header: object = {},
  claims: object = {},
  signer: KeyObject = key.privateKey,
): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = [
    encode({ alg: 'ES256', kid: 'k', typ: 'at+jwt', ...header }),
    encode({ ...CLAIMS, ...claims }),
  ].join('.');
  const signature = sign('sha256', Buffer.from(text), { key: signer, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const to = (now: number): PresentedTo => ({
  zoneId: ZONE,
  now,
  findKey: (kid) => (kid === 'k' ? { kid, alg: 'ES256', publicKey: key.publicKey } : null),
  verified: new VerifiedSignatures(),
});

const kindOf = async (text: string, now = NOW) => (await presentedToken(text, to(now))).kind;

test('is a mandate until its end, and for as long after it as anybody may honour it', async () => {
  expect(await presentedToken(token(), to(NOW))).toEqual({
    kind: 'mandate',
    jti: ID,
    clientId: ID,
    sid: ID,
    rootSid: ID,
    use: 'session',
    exp: NOW,
  });
  // Verifiers have a minute of leeway, and our clock may be half a minute ahead of another replica's.
  expect(await kindOf(token(), NOW + 89)).toBe('mandate');
  expect(await kindOf(token(), NOW + 90)).toBe('nothing');
  // The clock of this replica may be behind that of the one that has issued it.
  expect(await kindOf(token(), NOW - 1_000)).toBe('mandate');
});

test.each([
  ['is no JWS', 'garbage'],
  ['has no kid', token({ kid: undefined })],
  ['has another kid', token({ kid: 'other' })],
  ['has another algorithm', token({ alg: 'ES384' })],
  ['is signed by another key', token({}, {}, other.privateKey)],
  ['brings its key', token({ jwk: {} })],
  [
    'is no mandate, and signed by another key',
    token({ typ: 'JWT' }, { use: undefined }, other.privateKey),
  ],
])('is nothing if it %s', async (_name, text) => {
  expect(await kindOf(text)).toBe('nothing');
});

test.each([
  ['another typ', token({ typ: 'statuslist+jwt' })],
  ['no typ', token({ typ: undefined })],
  ['no use', token({ typ: 'JWT' }, { use: undefined })],
  ['no zone', token({}, { zone_id: undefined })],
  ['a jti that is no UUID', token({}, { jti: 'x' })],
  ['an end that is no time', token({}, { exp: 'never' })],
])('is no mandate with %s, whoever of us has signed it', async (_name, text) => {
  expect(await kindOf(text)).toBe('no mandate');
});
