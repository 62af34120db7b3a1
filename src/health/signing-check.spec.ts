import { describe, expect, test } from 'vitest';
import { CustodyUnavailable } from '../sealing/key-encryption.js';
import { checkSigning, type KeysToTry } from './signing-check.js';

const signs: KeysToTry = { tryToSign: () => Promise.resolve(true) };
const noKey: KeysToTry = { tryToSign: () => Promise.resolve(false) };
const broken: KeysToTry = { tryToSign: () => Promise.reject(new Error('does not open')) };
const away: KeysToTry = { tryToSign: () => Promise.reject(new CustodyUnavailable('no signer')) };

describe('signing is possible', () => {
  test.each<[string, KeysToTry[]]>([
    ['without any zone', []],
    ['with one that signs', [signs]],
    ['where one zone has no key', [noKey]],
    ['where the key of one is broken', [broken]],
    ['where one of several signs', [broken, away, noKey, away, signs]],
  ])('%s', async (_name, zones) => {
    await expect(checkSigning(zones, 0)).resolves.toBeUndefined();
  });
});

describe('signing is not possible', () => {
  test.each<[string, KeysToTry[]]>([
    ['where the signer of the only zone is away', [away]],
    ['where nobody signs, and a signer is away', [noKey, broken, away]],
  ])('%s', async (_name, zones) => {
    await expect(checkSigning(zones, 0)).rejects.toThrow(CustodyUnavailable);
  });
});

test('as long as the first signs, one signature is made, and of many zones no more than ten', async () => {
  let asked = 0;
  const counting = (zone: KeysToTry): KeysToTry => ({
    tryToSign(now) {
      asked += 1;
      return zone.tryToSign(now);
    },
  });
  await checkSigning([counting(signs), ...Array<KeysToTry>(50).fill(counting(away))], 0);
  expect(asked).toBe(1);
  await expect(checkSigning(Array<KeysToTry>(50).fill(counting(away)), 0)).rejects.toThrow(
    CustodyUnavailable,
  );
  expect(asked).toBe(1 + 10);
});
