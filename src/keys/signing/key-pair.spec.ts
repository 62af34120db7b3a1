import { createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSignedBy } from '../../oauth/signatures.js';
import { importPublicKey, newSigningKeyPair, signWith } from './key-pair.js';

const INPUT = Buffer.from('header.claims');

describe('a private key', () => {
  // RSA keys take seconds to make, and are opened as those of ES384 are.
  test.each(['ES256', 'ES384', 'EdDSA'] as const)(
    'of %s signs for its public key, and is wiped',
    async (alg) => {
      const { publicJwk, privateKey } = await newSigningKeyPair(alg);
      const signature = await signWith(privateKey, alg)(INPUT);
      expect(privateKey.every((byte) => byte === 0)).toBe(true);
      expect(await isSignedBy(importPublicKey(publicJwk, alg), alg, INPUT, signature)).toBe(true);
    },
  );

  test('of P-256 signs as well in other forms than ours', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const usual = privateKey.export({ format: 'der', type: 'pkcs8' });
    for (const der of [withoutPublic(usual), compressed(usual, publicKey)]) {
      // It is one that OpenSSL takes in.
      expect(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).type).toBe('private');
      const signature = await signWith(der, 'ES256')(INPUT);
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
      expect(verify('sha256', INPUT, key, signature)).toBe(true);
    }
  });

  test('that is cut, longer or of another algorithm is none', async () => {
    const { privateKey: whole } = await newSigningKeyPair('ES256');
    for (const der of [whole.subarray(0, -1), Buffer.alloc(138), Buffer.alloc(0)]) {
      expect(() => signWith(Buffer.from(der), 'ES256')).toThrow();
    }
    expect(() => signWith(whole, 'ES384')).toThrow(TypeError);
  });
});

/** A key without the public half, which may be left out (RFC 5915 3). */
function withoutPublic(pkcs8: Buffer): Buffer {
  const der = Buffer.from(pkcs8.subarray(0, 68));
  der[2] = der.length - 3;
  der[28] = der.length - 29;
  der[30] = der.length - 31;
  return der;
}

/** A key whose public half is written in short (SEC 1 2.3.3). */
function compressed(pkcs8: Buffer, publicKey: ReturnType<typeof createPublicKey>): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const isOdd = (Buffer.from(y, 'base64url').at(-1) ?? 0) % 2 === 1;
  const point = Buffer.concat([Buffer.of(isOdd ? 3 : 2), Buffer.from(x, 'base64url')]);
  const ending = Buffer.concat([Buffer.from('a12403220000', 'hex').subarray(0, 5), point]);
  const der = Buffer.concat([pkcs8.subarray(0, 68), ending]);
  der[2] = der.length - 3;
  der[28] = der.length - 29;
  der[30] = der.length - 31;
  return der;
}
