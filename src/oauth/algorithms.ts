/**
 * The signature algorithms that tokens may be signed with, ours and those of others (RFC 7518 3.1, RFC 8037 3.1,
 * RFC 9864 2.2). `Ed25519` is what newer libraries call `EdDSA`.
 *
 * The list is closed: no `none`, and nothing symmetric, so that a public key can never be taken for
 * a shared secret (RFC 8725 3.1).
 */
export const SIGNING_ALGS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const;

/** One of `SIGNING_ALGS`. */
export type SigningAlg = (typeof SIGNING_ALGS)[number];

/** Whether a value is exactly one of `SIGNING_ALGS`; names are case-sensitive (RFC 7515 4.1.1). */
export function isSigningAlg(value: unknown): value is SigningAlg {
  return SIGNING_ALGS.some((alg) => alg === value);
}

/**
 * The algorithms that a zone's signing keys can have. Ed25519 is called `EdDSA` (RFC 8037 3.1) in headers and
 * key sets, since that is the name that every verifier knows.
 */
export const ZONE_ALGS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const;

/** One of `ZONE_ALGS`. */
export type ZoneAlg = (typeof ZONE_ALGS)[number];

/** The algorithm of a zone that sets none. */
export const DEFAULT_ALG: ZoneAlg = 'ES256';
