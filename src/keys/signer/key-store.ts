import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';

/** Keeps private keys for a signer, and signs with them. */
export interface KeyStore {
  /** @throws {SignerRefusal} `unsupported_alg` */
  newKey(zone: string, alg: ZoneAlg): Promise<{ handle: string; publicJwk: JWK }>;

  /**
   * @returns the signature as JOSE has it (RFC 7518 3)
   * @throws {SignerRefusal} `unknown_key` also for a key of another zone or algorithm
   */
  sign(key: { zone: string; handle: string; alg: ZoneAlg }, data: Buffer): Promise<Uint8Array>;
}

/** What a signer tells the caller; anything else that goes wrong is `failed`. */
export class SignerRefusal extends Error {
  override readonly name = 'SignerRefusal';

  constructor(readonly word: 'unknown_key' | 'unsupported_alg') {
    super(word);
  }
}
