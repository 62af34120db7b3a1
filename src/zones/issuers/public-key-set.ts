import type { KeyObject } from 'node:crypto';
import type { SigningAlg } from '../../oauth/algorithms.js';

/** A public key of a client or issuer. */
export interface PublicKey {
  readonly kid: string | null;
  /** The algorithms that it may be used with. */
  readonly algs: readonly SigningAlg[];
  readonly key: KeyObject;
  /** `nbf` and `exp`: not used before and from then on, in seconds since the epoch. */
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
}

/** The public keys of one party. */
export class PublicKeySet {
  constructor(private readonly keys: readonly PublicKey[]) {}

  /** Whether there is a key with that `kid`, usable or not. */
  has(kid: string): boolean {
    return this.keys.some((key) => key.kid === kid);
  }

  /**
   * The key that a token is to be verified with (RFC 7515 4.1.4). Without `kid` there must be exactly one
   * candidate.
   *
   * @param now seconds since the epoch
   * @returns the key, or why there is none
   */
  select(
    { kid, alg }: { readonly kid: string | null; readonly alg: SigningAlg },
    now: number,
  ): KeyObject | 'missing_kid' | 'unknown_kid' | 'ambiguous_kid' | 'alg_mismatch' | 'key_expired' {
    const named = kid === null ? this.keys : this.keys.filter((key) => key.kid === kid);
    if (named.length === 0) return 'unknown_kid';
    const fitting = named.filter(({ algs }) => algs.includes(alg));
    if (fitting.length === 0) return 'alg_mismatch';
    const usable = fitting.filter(
      ({ notBefore, expiresAt }) =>
        (notBefore === null || notBefore <= now) && (expiresAt === null || expiresAt > now),
    );
    const [only, ...others] = usable;
    if (only === undefined) return 'key_expired';
    if (others.length > 0) return kid === null ? 'missing_kid' : 'ambiguous_kid';
    return only.key;
  }
}

/** A source of the public keys of one client or issuer. */
export interface KeySource {
  /**
   * The key set.
   *
   * @param kid the `kid` of the token, for which a published set may be fetched again; `null` if it has none
   * @throws {KeysUnavailable}
   */
  keysFor(kid: string | null): Promise<PublicKeySet>;
}

/** Thrown when published keys cannot be fetched right now, and no usable ones are cached. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}
