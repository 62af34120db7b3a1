import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SealBroken, type KeyEncryption } from '../../src/sealing/key-encryption.js';

/** A key-encryption key to try, and another one that lives in the same place. */
export interface KeysToTry {
  readonly kek: KeyEncryption;
  readonly other: KeyEncryption;
}

/** What every implementation of `KeyEncryption` must do while nothing is wrong. */
export function keyEncryptionContract(keys: () => KeysToTry): void {
  const here = Buffer.from('["here"]');

  test('unwraps what it wrapped, for the same place', async () => {
    const { kek } = keys();
    const dataKey = randomBytes(32);
    const wrapped = await kek.wrap(dataKey, here);
    expect((await kek.unwrap(wrapped, here)).equals(dataKey)).toBe(true);
    expect(wrapped.includes(dataKey)).toBe(false);
    expect(wrapped.equals(await kek.wrap(dataKey, here))).toBe(false);
  });

  test('does not unwrap for another place', async () => {
    const { kek } = keys();
    const wrapped = await kek.wrap(randomBytes(32), here);
    for (const place of ['["there"]', '', '["here"] ']) {
      await expect(kek.unwrap(wrapped, Buffer.from(place))).rejects.toThrow(SealBroken);
    }
  });

  test('does not unwrap what another key has wrapped', async () => {
    const { kek, other } = keys();
    const wrapped = await other.wrap(randomBytes(32), here);
    await expect(kek.unwrap(wrapped, here)).rejects.toThrow(SealBroken);
  });

  test('does not unwrap what was edited, cut or made up', async () => {
    const { kek } = keys();
    const wrapped = await kek.wrap(randomBytes(32), here);
    const edited = Buffer.from(wrapped);
    // Not the last character: it may carry bits that mean nothing.
    edited[edited.length - 6] = edited.at(-6) === 0x41 ? 0x42 : 0x41;
    const cut = wrapped.subarray(0, -8);
    for (const wrong of [edited, cut, Buffer.alloc(0), randomBytes(60), Buffer.from('vault:v1:')]) {
      await expect(kek.unwrap(wrong, here)).rejects.toThrow(SealBroken);
    }
  });

  test('has a name of its own, and leaves the data key to the caller', async () => {
    const { kek, other } = keys();
    expect(kek.id).toMatch(/^[!-~]{1,255}$/);
    expect(kek.id).not.toBe(other.id);
    const dataKey = randomBytes(32);
    const copy = Buffer.from(dataKey);
    const unwrapped = await kek.unwrap(await kek.wrap(dataKey, here), here);
    unwrapped.fill(0);
    expect(dataKey.equals(copy)).toBe(true);
  });
}
