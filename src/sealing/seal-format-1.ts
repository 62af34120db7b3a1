import { createHmac } from 'node:crypto';
import { decrypt, NotAuthentic } from './aes-gcm.js';
import { SealBroken } from './key-encryption.js';
import type { SealContext } from './seal.js';

/** The first byte of values of the first release, which are sealed directly under the key-encryption key. */
export const FORMAT_1 = 1;

/**
 * Opens a value of the first release: format, nonce, ciphertext, tag. Such values are not made any more, and
 * `mandate keys rewrap` converts them to the present format.
 *
 * @param key the key-encryption key, 32 bytes
 * @throws {SealBroken} if it does not open, whatever the cause
 */
export function unsealFormat1(key: Buffer, context: SealContext, sealed: Buffer): Buffer {
  const { purpose, zoneId, id } = context;
  if (sealed[0] !== FORMAT_1) throw new SealBroken(`not a sealed ${purpose}`);
  const place = Buffer.from(JSON.stringify(['mandate', FORMAT_1, purpose, zoneId, id]));
  try {
    return decrypt(key, place, sealed.subarray(1));
  } catch (cause) {
    if (!(cause instanceof NotAuthentic)) throw cause;
    throw new SealBroken(`the sealed ${purpose} does not open`, { cause });
  }
}

/** The check value that the first release stored, by which a key is recognised. */
export function checkValueOfFormat1(key: Buffer): Buffer {
  return createHmac('sha256', key).update('mandate key check').digest();
}
