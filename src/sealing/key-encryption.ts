import { OAuthError } from '../oauth/errors.js';

/** Bytes of a data key: AES-256. */
export const DATA_KEY_BYTES = 32;

/**
 * A key-encryption key, wherever it lives. It wraps data keys, each of which seals one value, so what
 * goes to a KMS and comes back is never the value itself.
 *
 * `test/setup/key-encryption-contract.ts` has what every implementation must do.
 */
export interface KeyEncryption {
  /** Names the key and tells nothing about it. Stays the same for as long as the key does. */
  readonly id: string;

  /**
   * @param dataKey 32 bytes; stays the caller's to wipe
   * @param associatedData must be given again to unwrap
   * @throws {CustodyUnavailable} if the key is out of reach right now
   */
  wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer>;

  /**
   * @returns the data key, the caller's to wipe
   * @throws {SealBroken} if it was wrapped under another key or for another place, or was edited
   * @throws {CustodyUnavailable} if the key is out of reach right now
   */
  unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer>;
}

/** Raised when a sealed value does not open: a wrong key, another row's value, or an edited one. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/** Raised when a value is sealed under a key that this process was not given. */
export class UnknownKeyEncryptionKey extends SealBroken {
  constructor(readonly keyId: string) {
    super(`sealed under the key-encryption key ${keyId}, which this process has not`);
  }
}

/**
 * Raised when whoever keeps a key does not answer: a KMS, a signer. The caller can only try again
 * (503 `temporarily_unavailable`, RFC 6749 4.1.2.1 by analogy).
 */
export class CustodyUnavailable extends OAuthError {
  /** @param detail for the log and the audit event: who did not answer, without addresses */
  constructor(detail: string, cause?: unknown) {
    super('temporarily_unavailable', 'the service cannot answer right now', {
      detail,
      retryAfter: 1,
      cause,
    });
  }
}
