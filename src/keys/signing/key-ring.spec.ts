import { compactVerify, decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import { newSigningKeyPair, importPublicKey, signWith } from './key-pair.js';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import { KeyRing, NoSigningKey, WrongSignature, type RingKey } from './key-ring.js';

const ES256 = { standard: 'ES256', bridge: null } as const;

async function ringKey(
  schedule: Partial<RingKey> = {},
  generatedAlg: ZoneAlg = 'ES256',
): Promise<RingKey> {
  const { kid, alg, publicJwk, privateKey } = await newSigningKeyPair(generatedAlg);
  return {
    kid,
    alg,
    publicKey: importPublicKey(publicJwk, alg),
    sign: signWith(privateKey, alg),
    publishedAt: 0,
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
    const ring = new KeyRing([old, next], ES256);
    for (const [now, { kid }] of [
      [999, old],
      [1_000, next],
    ] as const) {
      const signed = await ring.sign({}, [], now);
      expect([signed.kid, decodeProtectedHeader(signed.token).kid]).toEqual([kid, kid]);
    }
  });

  test('knows the next one before its time: a clock elsewhere may be ahead', async () => {
    const next = await ringKey({ activatesAt: 1_000 });
    expect(new KeyRing([next], ES256).findKey(next.kid, 999)).toBe(next);
  });

  test('knows the old one until it expires', async () => {
    const old = await ringKey({ retiresAt: 1_000, expiresAt: 5_000 });
    const ring = new KeyRing([old], ES256);
    expect(ring.findKey(old.kid, 4_999)).toBe(old);
    expect(ring.findKey(old.kid, 5_000)).toBeNull();
  });
});

test('a key that leaked verifies nothing and signs nothing', async () => {
  const leaked = await ringKey({ compromisedAt: 500 });
  const ring = new KeyRing([leaked], ES256);
  expect(ring.findKey(leaked.kid, 100)).toBeNull();
  await expect(ring.sign({}, [], 100)).rejects.toThrow(NoSigningKey);
  expect(() => ring.signerExpiresAt([], 100)).toThrow(NoSigningKey);
});

test('nothing is signed before the first key is active, nor without its private half', async () => {
  const first = await ringKey({ activatesAt: 1_000 });
  await expect(new KeyRing([first], ES256).sign({}, [], 999)).rejects.toThrow(NoSigningKey);
  const shut = new KeyRing([await ringKey({ sign: null })], ES256);
  await expect(shut.sign({}, [], 0)).rejects.toThrow(NoSigningKey);
  expect(shut.findKey('unknown', 0)).toBeNull();
});

describe('a ring of several algorithms', () => {
  test.each(ZONE_ALGS)('signs with %s what any verifier verifies', async (alg) => {
    const other = alg === 'ES256' ? 'EdDSA' : 'ES256';
    const key = await ringKey({}, alg);
    const ring = new KeyRing([await ringKey({}, other), key], { standard: alg, bridge: null });
    const { token, kid } = await ring.sign({ sub: 'é' }, [], 0);
    expect([decodeProtectedHeader(token), kid]).toEqual([
      { alg, kid: key.kid, typ: 'at+jwt' },
      key.kid,
    ]);
    const { payload } = await compactVerify(token, key.publicKey, { algorithms: [alg] });
    expect(new TextDecoder().decode(payload)).toBe('{"sub":"é"}');
  });

  test('signs with what all resources agree on, else with the standard of the zone', async () => {
    const [own, other] = [await ringKey(), await ringKey({}, 'EdDSA')];
    const ring = new KeyRing([own, other], ES256);
    for (const [asked, { kid }] of [
      [[], own],
      [[null], own],
      [['EdDSA'], other],
      [['EdDSA', 'EdDSA'], other],
      [['EdDSA', null], own],
      [['EdDSA', 'ES384'], own],
      [['ES384'], own],
    ] as const) {
      expect((await ring.sign({}, asked, 0)).kid).toBe(kid);
    }
  });

  test('goes on with the one before until the new one may sign', async () => {
    const [old, next] = [await ringKey(), await ringKey({ activatesAt: 1_000 }, 'ES384')];
    const ring = new KeyRing([old, next], { standard: 'ES384', bridge: 'ES256' });
    expect((await ring.sign({}, [], 999)).kid).toBe(old.kid);
    expect((await ring.sign({}, [], 1_000)).kid).toBe(next.kid);
  });
});

describe('the signatures of a key', () => {
  /** A key that signs wrongly whenever it is told to. */
  async function unreliable(): Promise<{ key: RingKey; wrong: (on: boolean) => void }> {
    const key = await ringKey();
    let wrong = false;
    const sign: RingKey['sign'] = async (input) =>
      wrong ? new Uint8Array(64) : ((await key.sign?.(input)) ?? new Uint8Array(0));
    return { key: { ...key, sign }, wrong: (on) => (wrong = on) };
  }

  test('are verified for the first mandate, and until one is right', async () => {
    const { key, wrong } = await unreliable();
    const ring = new KeyRing([key], ES256);
    wrong(true);
    await expect(ring.sign({}, [], 0)).rejects.toThrow(WrongSignature);
    await expect(ring.sign({}, [], 0)).rejects.toThrow(WrongSignature);
    wrong(false);
    await ring.sign({}, [], 0);
  });

  test('are verified once in a thousand mandates', async () => {
    const { key, wrong } = await unreliable();
    const ring = new KeyRing([key], ES256);
    await ring.sign({}, [], 0);
    wrong(true);
    let unseen = 0;
    const first = async (): Promise<void> => {
      for (; unseen < 5_000; unseen += 1) await ring.sign({}, [], 0);
    };
    await expect(first()).rejects.toThrow(WrongSignature);
    expect(unseen).toBe(999);
  });
});
