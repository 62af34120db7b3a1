import { decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import { drawKeyPair, importPrivateKey, importPublicKey, signWith } from './key-pair.js';
import { KeyRing, NoSigningKey, type RingKey } from './key-ring.js';

async function ringKey(schedule: Partial<RingKey> = {}): Promise<RingKey> {
  const { kid, alg, publicJwk, privateKey } = await drawKeyPair('ES256');
  return {
    kid,
    alg,
    publicKey: await importPublicKey(publicJwk, alg),
    sign: signWith(await importPrivateKey(privateKey, alg), alg),
    activatesAt: 0,
    retiresAt: null,
    expiresAt: null,
    compromisedAt: null,
    ...schedule,
  };
}

describe('a ring between two keys', () => {
  test('signs with the one that is active now', async () => {
    const old = await ringKey({ retiresAt: 1_000, expiresAt: 5_000 });
    const next = await ringKey({ activatesAt: 1_000 });
    const ring = new KeyRing([old, next]);
    for (const [now, { kid }] of [
      [999, old],
      [1_000, next],
    ] as const) {
      const signed = await ring.sign({}, now);
      expect([signed.kid, decodeProtectedHeader(signed.token).kid]).toEqual([kid, kid]);
    }
  });

  test('knows the next one before its time: a clock elsewhere may be ahead', async () => {
    const next = await ringKey({ activatesAt: 1_000 });
    expect(new KeyRing([next]).findKey(next.kid, 999)).toBe(next);
  });

  test('knows the old one until it expires', async () => {
    const old = await ringKey({ retiresAt: 1_000, expiresAt: 5_000 });
    const ring = new KeyRing([old]);
    expect(ring.findKey(old.kid, 4_999)).toBe(old);
    expect(ring.findKey(old.kid, 5_000)).toBeNull();
  });
});

test('a key that leaked verifies nothing and signs nothing', async () => {
  const leaked = await ringKey({ compromisedAt: 500 });
  const ring = new KeyRing([leaked]);
  expect(ring.findKey(leaked.kid, 100)).toBeNull();
  await expect(ring.sign({}, 100)).rejects.toThrow(NoSigningKey);
  expect(() => ring.signerExpiresAt(100)).toThrow(NoSigningKey);
});

test('nothing is signed before the first key is active, nor without its private half', async () => {
  const first = await ringKey({ activatesAt: 1_000 });
  await expect(new KeyRing([first]).sign({}, 999)).rejects.toThrow(NoSigningKey);
  const shut = new KeyRing([await ringKey({ sign: null })]);
  await expect(shut.sign({}, 0)).rejects.toThrow(NoSigningKey);
  expect(shut.findKey('unknown', 0)).toBeNull();
});
