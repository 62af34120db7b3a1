import { createCipheriv, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SealBroken, UnknownKeyEncryptionKey } from './key-encryption.js';
import { openSealed, type KeyEncryptions } from './key-encryptions.js';
import { LocalKeyEncryption } from './local-key-encryption.js';
import { SEAL_PURPOSES, keyIdOf, seal, unseal, type SealContext } from './seal.js';

const KEY = randomBytes(32);
const KEK = new LocalKeyEncryption(KEY);
const CONTEXT: SealContext = { purpose: 'signing-key', zoneId: 'zone', id: 'kid' };
/** Format, name, wrapped data key, nonce, tag. */
const OVERHEAD = 2 + 16 + 2 + 60 + 12 + 16;

const sealed = (plaintext: Buffer) => seal(KEK, CONTEXT, plaintext);
const opened = (value: Buffer, context = CONTEXT, kek = KEK) => unseal([kek], context, value);

test('opens what it sealed, whatever it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), async (bytes) => {
      const plain = Buffer.from(bytes);
      const value = await sealed(plain);
      expect((await opened(value)).equals(plain)).toBe(true);
      expect(value.length).toBe(plain.length + OVERHEAD);
    }),
  );
});

test('never seals alike, and shows nothing of what it seals', async () => {
  const plain = randomBytes(64);
  const all = await Promise.all(Array.from({ length: 100 }, () => sealed(plain)));
  expect(new Set(all.map((one) => one.toString('hex'))).size).toBe(100);
  for (const one of all) expect(one.includes(plain.subarray(0, 8))).toBe(false);
});

test('leaves what it seals to the caller, who wipes it', async () => {
  const plain = Buffer.from('private');
  await sealed(plain);
  expect(plain.toString()).toBe('private');
});

test('does not open under another key or in another place', async () => {
  const value = await sealed(Buffer.from('private'));
  const places: SealContext[] = [
    ...SEAL_PURPOSES.filter((purpose) => purpose !== CONTEXT.purpose).map((purpose) => ({
      ...CONTEXT,
      purpose,
    })),
    { ...CONTEXT, zoneId: 'other' },
    { ...CONTEXT, id: 'other' },
    { ...CONTEXT, zoneId: 'zone","kid', id: '' },
    { ...CONTEXT, zoneId: 'kid', id: 'zone' },
  ];
  for (const place of places) await expect(opened(value, place)).rejects.toThrow(SealBroken);
  const other = new LocalKeyEncryption(randomBytes(32));
  await expect(opened(value, CONTEXT, other)).rejects.toThrow(UnknownKeyEncryptionKey);
  const namesake = Object.assign(other, { id: KEK.id });
  await expect(opened(value, CONTEXT, namesake)).rejects.toThrow(SealBroken);
});

test('does not open if any bit was changed, or anything cut off or added', async () => {
  const value = await sealed(Buffer.from('private key'));
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const altered = Buffer.from(value);
    const at = bit >> 3;
    altered[at] = (altered[at] ?? 0) ^ (1 << (bit & 7));
    await expect(opened(altered)).rejects.toThrow(SealBroken);
  }
  for (let length = 0; length < value.length; length += 1) {
    await expect(opened(value.subarray(0, length))).rejects.toThrow(SealBroken);
  }
  await expect(opened(Buffer.concat([value, Buffer.of(0)]))).rejects.toThrow(SealBroken);
});

test('does not open with the data key of another value', async () => {
  const [one, two] = [await sealed(Buffer.from('one')), await sealed(Buffer.from('two'))];
  const keyEnds = 2 + 16 + 2 + 60;
  const mixed = Buffer.concat([one.subarray(0, keyEnds), two.subarray(keyEnds)]);
  await expect(opened(mixed)).rejects.toThrow(SealBroken);
});

test('throws nothing else, whatever it is given', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 140 }), async (bytes) => {
      const head = Buffer.of(2, 16, ...Buffer.from(KEK.id));
      for (const value of [Buffer.from(bytes), Buffer.concat([head, bytes])]) {
        await expect(opened(value)).rejects.toThrow(SealBroken);
      }
    }),
  );
});

test('names its key in clear, without telling it', async () => {
  expect(KEK.id).toMatch(/^[0-9a-f]{16}$/);
  expect(new LocalKeyEncryption(KEY).id).toBe(KEK.id);
  expect(new LocalKeyEncryption(randomBytes(32)).id).not.toBe(KEK.id);
  expect(KEY.toString('hex')).not.toContain(KEK.id);
  expect(keyIdOf(await sealed(Buffer.from('x')))).toBe(KEK.id);
  expect(keyIdOf(Buffer.from([1, 2, 3]))).toBeNull();
  expect(keyIdOf(Buffer.of(2))).toBeNull();
});

describe('what the first release sealed', () => {
  /** As it was done then: under the key-encryption key itself, which is not named. */
  function sealedThen(key: Buffer, { purpose, zoneId, id }: SealContext, plain: Buffer): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(
      Buffer.from(JSON.stringify(['mandate', 1, purpose, zoneId, id])),
    );
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.of(1), nonce, body, cipher.getAuthTag()]);
  }

  const keksOf = (...keys: Buffer[]): KeyEncryptions => {
    const keks = keys.map((bytes) => new LocalKeyEncryption(bytes));
    return {
      sealing: keks[0] ?? KEK,
      opening: keks,
      held: keys.map((bytes, i) => ({ id: keks[i]?.id ?? '', bytes })),
    };
  };

  test('opens under whichever key of ours it was', async () => {
    const value = sealedThen(KEY, CONTEXT, Buffer.from('old'));
    for (const keks of [keksOf(KEY), keksOf(randomBytes(32), KEY)]) {
      expect((await openSealed(keks, CONTEXT, value)).toString()).toBe('old');
    }
  });

  test('does not open under another, in another place, or edited', async () => {
    const value = sealedThen(KEY, CONTEXT, Buffer.from('old'));
    const broken = [
      openSealed(keksOf(randomBytes(32)), CONTEXT, value),
      openSealed(keksOf(), CONTEXT, value),
      openSealed(keksOf(KEY), { ...CONTEXT, zoneId: 'other' }, value),
      openSealed(keksOf(KEY), CONTEXT, value.subarray(0, -1)),
      openSealed(keksOf(KEY), CONTEXT, Buffer.of(1)),
    ];
    for (const attempt of broken) await expect(attempt).rejects.toThrow(SealBroken);
  });
});
