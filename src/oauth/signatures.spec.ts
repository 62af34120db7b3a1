import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { compactVerify, CompactSign } from 'jose';
import { describe, expect, test } from 'vitest';
import { SIGNING_ALGS, type SigningAlg } from './algorithms.js';
import { isSignedBy, keyFits, signInput } from './signatures.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const PAIRS: Readonly<Record<SigningAlg, { publicKey: KeyObject; privateKey: KeyObject }>> = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: generateKeyPairSync('ed25519'),
  Ed25519: generateKeyPairSync('ed25519'),
  RS256: rsa,
  PS256: rsa,
};
const INPUT = Buffer.from('eyJhbGciOiJub25lIn0.e30');

describe.each(SIGNING_ALGS)('a signature by %s', (alg) => {
  const { publicKey, privateKey } = PAIRS[alg];

  test('is right for what was signed and nothing else', async () => {
    const signature = await signInput(INPUT, privateKey, alg);
    expect(await isSignedBy(publicKey, alg, INPUT, signature)).toBe(true);
    expect(await isSignedBy(publicKey, alg, Buffer.from('other'), signature)).toBe(false);
    const broken = Buffer.from(signature);
    broken[5] = (broken[5] ?? 0) ^ 1;
    expect(await isSignedBy(publicKey, alg, INPUT, broken)).toBe(false);
    expect(await isSignedBy(publicKey, alg, INPUT, signature.subarray(1))).toBe(false);
    expect(await isSignedBy(publicKey, alg, INPUT, Buffer.alloc(0))).toBe(false);
  });

  test('is what another library makes and verifies', async () => {
    const theirs = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg })
      .sign(privateKey);
    const [header, payload, signature] = theirs.split('.');
    const input = Buffer.from(`${header}.${payload}`);
    const signed = Buffer.from(String(signature), 'base64url');
    expect(await isSignedBy(publicKey, alg, input, signed)).toBe(true);
    const ours = Buffer.from(await signInput(input, privateKey, alg)).toString('base64url');
    await compactVerify(`${header}.${payload}.${ours}`, publicKey, { algorithms: [alg] });
  });

  test('is for keys of its kind only', () => {
    expect(keyFits(publicKey, alg)).toBe(true);
    expect(keyFits(privateKey, alg)).toBe(true);
    const fitting = SIGNING_ALGS.filter((other) => keyFits(PAIRS[other].publicKey, alg));
    const twins = [
      ['EdDSA', 'Ed25519'],
      ['RS256', 'PS256'],
    ].find((pair) => pair.includes(alg));
    expect(fitting).toEqual(twins ?? [alg]);
  });
});

test.each(['ES256', 'ES384'] as const)('a signature by %s in DER is none', async (alg) => {
  const { publicKey, privateKey } = PAIRS[alg];
  const digest = alg === 'ES256' ? 'sha256' : 'sha384';
  const der = sign(digest, INPUT, { key: privateKey, dsaEncoding: 'der' });
  expect(await isSignedBy(publicKey, alg, INPUT, der)).toBe(false);
});

test('RSA keys of less than 2048 bits, other curves and RSA-PSS keys of other terms are for nothing', () => {
  const { publicKey: small } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const { publicKey: otherCurve } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const { publicKey: x25519 } = generateKeyPairSync('x25519');
  for (const key of [small, otherCurve, x25519]) {
    expect(
      SIGNING_ALGS.filter((alg) =>
        keyFits(createPublicKey(key.export({ format: 'pem', type: 'spki' })), alg),
      ),
    ).toEqual([]);
  }
});
