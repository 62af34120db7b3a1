import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { SealBroken, type KeyEncryption } from './key-encryption.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A key-encryption key that this process holds: from the environment, or from a file. */
export class LocalKeyEncryption implements KeyEncryption {
  readonly id: string;

  /** @param key 32 bytes, which stay the caller's */
  constructor(private readonly key: Buffer) {
    this.id = createHmac('sha256', key)
      .update('mandate key-encryption key id')
      .digest('hex')
      .slice(0, 16);
  }

  /** AES-256-GCM: nonce (12 bytes), ciphertext, tag (16). */
  async wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(associatedData);
    const body = Buffer.concat([cipher.update(dataKey), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]);
  }

  /** @throws {SealBroken} */
  async unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer> {
    if (wrapped.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken('a cut data key');
    const nonce = wrapped.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(associatedData)
      .setAuthTag(wrapped.subarray(-TAG_BYTES));
    try {
      const body = wrapped.subarray(NONCE_BYTES, -TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch (cause) {
      throw new SealBroken('the data key does not unwrap', { cause });
    }
  }
}
