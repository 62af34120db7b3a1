import { OAuthError } from '../oauth/errors.js';

/** The length of a data key in bytes: AES-256. */
export const DATA_KEY_BYTES = 32;

/**
 * A key-encryption key (KEK), in this process or in a KMS. It wraps data keys, each of which seals one
 * value, so a KMS never sees the value itself.
 *
 * `test/setup/key-encryption-contract.ts` tests what every implementation must do.
 */
export interface KeyEncryption {
  /** The id of the key, which reveals nothing about it and never changes. */
  readonly id: string;

  /**
   * Encrypts a data key.
   *
   * @param dataKey 32 bytes; the caller wipes it
   * @param associatedData must be given again to unwrap
   * @throws {CustodyUnavailable} if the key is out of reach right now
   */
  wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer>;

  /**
   * Decrypts a data key.
   *
   * @returns the data key, for the caller to wipe
   * @throws {SealBroken} if it was wrapped under another key or for another place, or was edited
   * @throws {CustodyUnavailable} if the key is out of reach right now
   */
  unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer>;
}

/** Thrown when a sealed value does not open: a wrong key, another row's value, or an edited one. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/** Thrown when a value is sealed under a key that this process was not given. */
export class UnknownKeyEncryptionKey extends SealBroken {
  constructor(readonly keyId: string) {
    super(`sealed under the key-encryption key ${keyId}, which this process has not`);
  }
}

/**
 * Thrown when a KMS or a remote signer does not answer. The caller can only try again
 * (503 `temporarily_unavailable`, RFC 6749 4.1.2.1 by analogy).
 */
export class CustodyUnavailable extends OAuthError {
  /** @param detail for the log and the audit event: what did not answer, without addresses */
  constructor(detail: string, cause?: unknown) {
    super('temporarily_unavailable', 'the service cannot answer right now', {
      detail,
      retryAfter: 1,
      cause,
    });
  }
}
