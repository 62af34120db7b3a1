import { createDecipheriv, createHmac } from 'node:crypto';
import { SealBroken } from './key-encryption.js';
import type { SealContext } from './seal-context.js';

/** The first byte of what the first release sealed: the value itself, directly under the key. */
export const FORMAT_1 = 1;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Opens a value of the first release: format, nonce, ciphertext, tag. Nothing makes them any more, and
 * `mandate keys rewrap` turns them into the present format.
 *
 * @param key the key-encryption key, 32 bytes
 * @throws {SealBroken} whatever is wrong with it
 */
export function unsealFormat1(key: Buffer, context: SealContext, sealed: Buffer): Buffer {
  const { purpose, zoneId, id } = context;
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT_1) {
    throw new SealBroken(`not a sealed ${purpose}`);
  }
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(JSON.stringify(['mandate', FORMAT_1, purpose, zoneId, id])))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const body = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch (cause) {
    throw new SealBroken(`the sealed ${purpose} does not open`, { cause });
  }
}

/** What the first release stored to recognise a key by. */
export function checkValueOfFormat1(key: Buffer): Buffer {
  return createHmac('sha256', key).update('mandate key check').digest();
}
