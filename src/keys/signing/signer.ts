import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { Sign } from './key-pair.js';

/** A key pair that a signer has generated. */
export interface NewKey {
  readonly publicJwk: JWK;
  /**
   * What the signer needs to use the key again, to be sealed and then wiped: the private key itself, or
   * a remote signer's name of it.
   */
  readonly handle: Buffer;
}

/** A key to sign with. */
export interface KeyInUse {
  readonly zoneId: string;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
}

/**
 * Generates private keys and signs with them: in this process, or in another one from which they never
 * come out. `test/setup/signer-contract.ts` tests what every implementation must do.
 */
export interface Signer {
  /**
   * Generates a key pair, off the main thread. It may take seconds for RSA.
   *
   * @throws {CustodyUnavailable} if the signer is out of reach
   */
  newKey(zoneId: string, alg: ZoneAlg): Promise<NewKey>;

  /**
   * A function that signs with a key, in the form of JOSE (RFC 7518 3). A remote signer's signatures have
   * been verified.
   *
   * @param handle as {@link newKey} returned it; wiped
   * @returns a function that throws {@link CustodyUnavailable} if the signer is out of reach or signs wrongly
   */
  use(key: KeyInUse, handle: Buffer): Promise<Sign>;
}
