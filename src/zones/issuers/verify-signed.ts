import type { SigningAlg } from '../../oauth/algorithms.js';
import { MalformedToken, parseCompactJws, type ParsedJws } from '../../oauth/compact-jws.js';
import { isSignedBy } from '../../oauth/signatures.js';
import type { VerifiedSignatures } from '../../platform/verified-signatures.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import type { KeySource } from './public-key-set.js';
import { UntrustedToken } from './untrusted-token.js';

/** The keys and algorithms that a signature is verified with. */
export interface SignatureRules {
  readonly keys: KeySource;
  readonly algorithms: readonly SigningAlg[];
  /** The accepted `typ`s, in lower case; a token without one is accepted, too. */
  readonly typs: readonly string[];
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
  /** The signatures that need not be verified again; absent for tokens that are used once. */
  readonly verified?: VerifiedSignatures | undefined;
}

/**
 * Parses a token of an issuer or client without verifying it.
 *
 * @throws {UntrustedToken}
 */
export function parseUntrusted(token: string): ParsedJws {
  try {
    return parseCompactJws(token);
  } catch (error) {
    throw error instanceof MalformedToken ? new UntrustedToken(error.reason, error) : error;
  }
}

/**
 * Verifies a token's signature with one of the keys (RFC 7515 5.2, RFC 8725 3.1, 3.11).
 *
 * @returns its claims, unchecked
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifySigned(
  token: string,
  { keys, algorithms, typs, now, verified }: SignatureRules,
): Promise<JsonObject> {
  const jws = parseUntrusted(token);
  const { header, claims, signingInput, signature } = jws;
  // Media types are not case-sensitive (RFC 7515 4.1.9).
  if (header.typ !== null && !typs.includes(header.typ.toLowerCase())) {
    throw new UntrustedToken('unsupported_typ');
  }
  if (!algorithms.includes(header.alg)) throw new UntrustedToken('alg_not_allowed');
  const key = (await keys.keysFor(header.kid)).select(header, now);
  if (typeof key === 'string') throw new UntrustedToken(key);
  const right =
    verified === undefined
      ? await isSignedBy(key, header.alg, signingInput, signature)
      : await verified.isSignedBy(key, token, jws);
  if (!right) throw new UntrustedToken('bad_signature');
  return claims;
}
