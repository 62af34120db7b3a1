import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyEncryptionKeyId, seal, SealBroken, unseal, type SealContext } from './seal.js';

const KEY = randomBytes(32);
const CONTEXT: SealContext = { purpose: 'signing-key', zoneId: 'zone', id: 'kid' };

test('opens what it sealed, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const plain = Buffer.from(bytes);
      const sealed = seal(KEY, CONTEXT, plain);
      expect(unseal(KEY, CONTEXT, sealed).equals(plain)).toBe(true);
      expect(sealed.length).toBe(plain.length + 29);
    }),
  );
});

test('never seals alike, and shows nothing of what it seals', () => {
  const plain = randomBytes(64);
  const all = Array.from({ length: 100 }, () => seal(KEY, CONTEXT, plain));
  expect(new Set(all.map((one) => one.toString('hex'))).size).toBe(100);
  for (const one of all) expect(one.includes(plain.subarray(0, 8))).toBe(false);
});

test('does not open under another key or in another place', () => {
  const sealed = seal(KEY, CONTEXT, Buffer.from('private'));
  const places: SealContext[] = [
    { ...CONTEXT, purpose: 'client-secret-digest-key' },
    { ...CONTEXT, zoneId: 'other' },
    { ...CONTEXT, id: 'other' },
    { ...CONTEXT, zoneId: 'zone","kid', id: '' },
    { ...CONTEXT, zoneId: 'kid', id: 'zone' },
  ];
  expect(() => unseal(randomBytes(32), CONTEXT, sealed)).toThrow(SealBroken);
  for (const place of places) expect(() => unseal(KEY, place, sealed)).toThrow(SealBroken);
});

test('does not open if any bit was changed, or anything cut off or added', () => {
  const sealed = seal(KEY, CONTEXT, Buffer.from('private key'));
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const altered = Buffer.from(sealed);
    const at = bit >> 3;
    altered[at] = (altered[at] ?? 0) ^ (1 << (bit & 7));
    expect(() => unseal(KEY, CONTEXT, altered)).toThrow(SealBroken);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => unseal(KEY, CONTEXT, sealed.subarray(0, length))).toThrow(SealBroken);
  }
  expect(() => unseal(KEY, CONTEXT, Buffer.concat([sealed, Buffer.of(0)]))).toThrow(SealBroken);
});

test('throws nothing else, whatever it is given', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(() => unseal(KEY, CONTEXT, Buffer.from(bytes))).toThrow(SealBroken);
    }),
  );
});

test('names a key without telling it', () => {
  const id = keyEncryptionKeyId(KEY);
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(keyEncryptionKeyId(KEY)).toBe(id);
  expect(keyEncryptionKeyId(randomBytes(32))).not.toBe(id);
  expect(KEY.toString('hex')).not.toContain(id);
});
