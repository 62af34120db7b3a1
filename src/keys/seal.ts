import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value is for. It is authenticated with the value, so that rows cannot be swapped. */
export interface SealContext {
  readonly purpose:
    | 'signing-key'
    | 'client-secret-digest-key'
    | 'totp-secret'
    | 'webhook-secret'
    | 'proof-system-secret';
  readonly zoneId: string;
  /** The key or row within the zone. */
  readonly id: string;
}

/** Raised when a sealed value does not open: a wrong key, another row's value, or an edited one. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/**
 * Encrypts with AES-256-GCM; purpose, zone and id are associated data.
 *
 * @param key 32 bytes
 * @returns version, nonce, ciphertext and tag, concatenated
 */
export function seal(key: Buffer, context: SealContext, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(context));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), nonce, sealed, cipher.getAuthTag()]);
}

/**
 * Opens what {@link seal} made.
 *
 * @throws {SealBroken} whatever is wrong with it
 */
export function unseal(key: Buffer, context: SealContext, sealed: Buffer): Buffer {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT) {
    throw new SealBroken(`not a sealed ${context.purpose}`);
  }
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const body = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(associatedData(context))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch (cause) {
    throw new SealBroken(`the sealed ${context.purpose} does not open`, { cause });
  }
}

/** A name for a key-encryption key that tells nothing about it. */
export function keyEncryptionKeyId(key: Buffer): string {
  return createHmac('sha256', key)
    .update('mandate key-encryption key id')
    .digest('hex')
    .slice(0, 16);
}

function associatedData({ purpose, zoneId, id }: SealContext): Buffer {
  return Buffer.from(JSON.stringify(['mandate', FORMAT, purpose, zoneId, id]));
}
