import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when a ciphertext does not decrypt: another key, other associated data, or edited bytes. */
export class NotAuthentic extends Error {
  override readonly name = 'NotAuthentic';
}

/**
 * Encrypts with AES-256-GCM (NIST SP 800-38D) and a random nonce.
 *
 * @param key 32 bytes
 * @returns nonce (12 bytes), ciphertext, tag (16)
 */
export function encrypt(key: Buffer, associatedData: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData);
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

/**
 * Decrypts what {@link encrypt} made.
 *
 * @returns the only copy of the plaintext, for the caller to wipe
 *
 * @throws {NotAuthentic}
 */
export function decrypt(key: Buffer, associatedData: Buffer, encrypted: Buffer): Buffer {
  if (encrypted.length < NONCE_BYTES + TAG_BYTES) throw new NotAuthentic('cut');
  const nonce = encrypted.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(associatedData)
    .setAuthTag(encrypted.subarray(-TAG_BYTES));
  const plaintext = decipher.update(encrypted.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    // In this mode it returns no more bytes: it only checks the tag.
    decipher.final();
    return plaintext;
  } catch (cause) {
    plaintext.fill(0);
    throw new NotAuthentic('the tag does not fit', { cause });
  }
}
