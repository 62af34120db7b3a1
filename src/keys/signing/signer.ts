import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { Sign } from './key-pair.js';

/** A key pair that a signer has made. */
export interface NewKey {
  readonly publicJwk: JWK;
  /**
   * What the signer needs to use the key again, to be sealed and then wiped: the private key itself, or
   * what a remote signer calls it.
   */
  readonly handle: Buffer;
}

/** A key that a signer is to sign with. */
export interface KeyInUse {
  readonly zoneId: string;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
}

/**
 * Makes private keys and signs with them: in this process, or in another one from which they never come
 * out. `test/setup/signer-contract.ts` has what every implementation must do.
 */
export interface Signer {
  /**
   * Makes a key pair, off the main thread. It may take seconds for RSA.
   *
   * @throws {CustodyUnavailable} if the signer is out of reach
   */
  newKey(zoneId: string, alg: ZoneAlg): Promise<NewKey>;

  /**
   * How to sign with a key. Signatures come out as JOSE has them (RFC 7518 3), and have been verified.
   *
   * @param handle as {@link newKey} gave it; wiped
   * @returns what throws {@link CustodyUnavailable} if the signer is out of reach, or signs wrongly
   */
  use(key: KeyInUse, handle: Buffer): Promise<Sign>;
}
