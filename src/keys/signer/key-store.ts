import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';

/** The private keys of a signer. */
export interface KeyStore {
  /** Generates a key for a zone. @throws {SignerRefusal} `unsupported_alg` */
  newKey(zone: string, alg: ZoneAlg): Promise<{ handle: string; publicJwk: JWK }>;

  /**
   * Signs `data` with a key.
   *
   * @returns the signature in the form of JOSE (RFC 7518 3)
   * @throws {SignerRefusal} `unknown_key` also for a key of another zone or algorithm
   */
  sign(key: { zone: string; handle: string; alg: ZoneAlg }, data: Buffer): Promise<Uint8Array>;
}

/** Thrown for a refusal whose error code is sent to the caller; every other error becomes `failed`. */
export class SignerRefusal extends Error {
  override readonly name = 'SignerRefusal';

  constructor(readonly word: 'unknown_key' | 'unsupported_alg') {
    super(word);
  }
}
