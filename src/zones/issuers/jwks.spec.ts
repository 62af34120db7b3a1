import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readPublishedJwks, readRegisteredJwks } from './jwks.js';
import { InvalidKeySet } from './jwk.js';

const NOW = 1_800_000_000;

const pair = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ec384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed: generateKeyPairSync('ed25519'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  weak: generateKeyPairSync('rsa', { modulusLength: 1_024 }),
  low: generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 }),
  k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  ed448: generateKeyPairSync('ed448'),
};
const jwk = (name: keyof typeof pair, more: object = {}): JsonWebKey => ({
  ...pair[name].publicKey.export({ format: 'jwk' }),
  ...more,
});
const set = (...keys: unknown[]) => ({ keys });
/** An Ed25519 key that is this point (RFC 8032 5.1.2), as hex. */
const point = (hex: string) => jwk('ed', { x: Buffer.from(hex, 'hex').toString('base64url') });

describe('a registration', () => {
  test('keeps what makes up a key and restricts it, and nothing else', () => {
    const given = jwk('rsa', {
      kid: 'a',
      use: 'sig',
      alg: 'PS256',
      exp: NOW,
      x5c: ['x'],
      hello: 1,
    });
    const { n, e } = given;
    expect(readRegisteredJwks(set(given))).toEqual(
      set({ kty: 'RSA', n, e, kid: 'a', use: 'sig', alg: 'PS256', exp: NOW }),
    );
  });

  test('takes every kind of key that we verify with, up to ten', () => {
    const kinds = (['ec', 'ec384', 'ed', 'rsa'] as const).map((name) => jwk(name, { kid: name }));
    const six = Array.from({ length: 6 }, (_, i) => jwk('ec', { kid: `${i}` }));
    expect(readRegisteredJwks(set(...kinds, ...six)).keys).toHaveLength(10);
    expect(() => readRegisteredJwks(set(...kinds, ...six, jwk('ec', { kid: '7' })))).toThrow(
      'more than 10 keys',
    );
  });

  test.each<[string, unknown, string]>([
    ['no object', [], 'no list of keys'],
    ['no keys', {}, 'no list of keys'],
    ['keys in an object', { keys: {} }, 'no list of keys'],
    ['no key', set(), 'no key in it'],
    ['a key that is no object', set('x'), 'no object'],
    ['a key that is null', set(null), 'no object'],
    ['a private EC key', set(pair.ec.privateKey.export({ format: 'jwk' })), 'not public'],
    ['a private RSA key', set(pair.rsa.privateKey.export({ format: 'jwk' })), 'not public'],
    ['one prime of an RSA key', set(jwk('rsa', { p: 'AQ' })), 'not public'],
    ['a symmetric key', set({ kty: 'oct', k: 'c2VjcmV0' }), 'not public'],
    ['a symmetric key without k', set({ kty: 'oct' }), 'kind'],
    ['no kty', set({ crv: 'P-256' }), 'kind'],
    ['a kty that is no text', set({ kty: ['EC'], crv: 'P-256' }), 'kind'],
    ['secp256k1', set(jwk('k1')), 'kind'],
    ['Ed448', set(jwk('ed448')), 'kind'],
    ['a kind of key that every object has', set({ kty: 'constructor' }), 'kind'],
    ['a key for encryption', set(jwk('ec', { use: 'enc' })), 'signatures'],
    ['a key for signing only', set(jwk('ec', { key_ops: ['sign'] })), 'signatures'],
    ['an alg that does not fit', set(jwk('ec', { alg: 'ES384' })), 'alg'],
    ['alg none', set(jwk('ec', { alg: 'none' })), 'alg'],
    ['alg HS256', set(jwk('rsa', { alg: 'HS256' })), 'alg'],
    ['alg RS512', set(jwk('rsa', { alg: 'RS512' })), 'alg'],
    ['a kid that is no text', set(jwk('ec', { kid: 1 })), 'kid'],
    ['an empty kid', set(jwk('ec', { kid: '' })), 'kid'],
    ['a kid with a newline', set(jwk('ec', { kid: 'a\n' })), 'kid'],
    ['two keys of one kid', set(jwk('ec', { kid: 'a' }), jwk('rsa', { kid: 'a' })), 'same kid'],
    ['an exp that is no number', set(jwk('ec', { exp: '1' })), 'seconds'],
    ['an nbf with a fraction', set(jwk('ec', { nbf: 1.5 })), 'seconds'],
    ['an RSA key of 1024 bits', set(jwk('weak')), '2048'],
    ['an RSA exponent of 3', set(jwk('low')), 'exponent'],
    ['an RSA exponent of 1', set(jwk('rsa', { e: 'AQ' })), 'exponent'],
    ['an Ed25519 point of order 1', set(point(`01${'00'.repeat(31)}`)), 'small order'],
    ['the same, as another number', set(point(`ee${'ff'.repeat(30)}7f`)), 'small order'],
    ['an Ed25519 point of order 2', set(point(`ec${'ff'.repeat(30)}7f`)), 'small order'],
    ['an Ed25519 point of order 4', set(point('00'.repeat(32))), 'small order'],
    ['the same, with another sign', set(point(`${'00'.repeat(31)}80`)), 'small order'],
    [
      'an Ed25519 point of order 8',
      set(point('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85')),
      'small order',
    ],
    ['no modulus', set({ kty: 'RSA', e: 'AQAB' }), 'no n'],
    ['a point that is not on its curve', set(jwk('ec', { y: jwk('ec').x })), 'malformed'],
    ['a coordinate that is too short', set(jwk('ec', { x: 'AQ' })), 'malformed'],
    ['a coordinate that is no text', set(jwk('ec', { x: 1 })), 'no x'],
  ])('is refused for %s', (_name, jwks, problem) => {
    expect(() => readRegisteredJwks(jwks)).toThrow(InvalidKeySet);
    expect(() => readRegisteredJwks(jwks)).toThrow(problem);
  });
});

describe('a published set', () => {
  test('may have keys that we cannot use', () => {
    const keys = readPublishedJwks(
      set(jwk('weak', { kid: 'w' }), jwk('ec', { kid: 'e', use: 'enc' }), jwk('ec', { kid: 'a' })),
    );
    expect([keys.has('w'), keys.has('e'), keys.has('a')]).toEqual([false, false, true]);
  });

  const keys = readPublishedJwks(
    set(
      jwk('ec', { kid: 'ec' }),
      jwk('rsa', { kid: 'rsa' }),
      jwk('rsa', { kid: 'ps', alg: 'PS256' }),
      jwk('ed', { kid: 'old', exp: NOW }),
      jwk('ed', { kid: 'new', nbf: NOW + 1 }),
      jwk('ec', { kid: 'twice' }),
      jwk('ec', { kid: 'twice' }),
    ),
  );

  test.each([
    ['ec', 'ES256', 'ok'],
    ['rsa', 'RS256', 'ok'],
    ['rsa', 'PS256', 'ok'],
    ['ps', 'PS256', 'ok'],
    ['ps', 'RS256', 'alg_mismatch'],
    ['ec', 'ES384', 'alg_mismatch'],
    ['ec', 'RS256', 'alg_mismatch'],
    ['nobody', 'ES256', 'unknown_kid'],
    ['', 'ES256', 'unknown_kid'],
    ['constructor', 'ES256', 'unknown_kid'],
    ['old', 'EdDSA', 'key_expired'],
    ['new', 'EdDSA', 'key_expired'],
    ['twice', 'ES256', 'ambiguous_kid'],
    [null, 'ES256', 'missing_kid'],
    [null, 'RS256', 'ok'],
    [null, 'ES384', 'alg_mismatch'],
  ] as const)('selects by kid %s and alg %s: %s', (kid, alg, expected) => {
    const selected = keys.select({ kid, alg }, NOW);
    expect(typeof selected === 'string' ? selected : 'ok').toBe(expected);
  });

  test('follows its keys through time', () => {
    const selected = [NOW - 1, NOW, NOW + 1].map((now) =>
      keys.select({ kid: null, alg: 'EdDSA' }, now),
    );
    expect(selected.map((one) => (typeof one === 'string' ? one : 'ok'))).toEqual([
      'ok',
      'key_expired',
      'ok',
    ]);
  });
});
