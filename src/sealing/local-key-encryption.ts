import { createHmac } from 'node:crypto';
import { decrypt, encrypt, NotAuthentic } from './aes-gcm.js';
import { SealBroken, type KeyEncryption } from './key-encryption.js';

/** A key-encryption key that this process holds: from the environment, or from a file. */
export class LocalKeyEncryption implements KeyEncryption {
  readonly id: string;

  /** @param key 32 bytes, not copied */
  constructor(private readonly key: Buffer) {
    this.id = createHmac('sha256', key)
      .update('mandate key-encryption key id')
      .digest('hex')
      .slice(0, 16);
  }

  async wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer> {
    return encrypt(this.key, associatedData, dataKey);
  }

  /** @throws {SealBroken} */
  async unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer> {
    try {
      return decrypt(this.key, associatedData, wrapped);
    } catch (cause) {
      if (!(cause instanceof NotAuthentic)) throw cause;
      throw new SealBroken('the data key does not unwrap', { cause });
    }
  }
}
