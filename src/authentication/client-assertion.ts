import { createHash } from 'node:crypto';
import { instant } from '../platform/config/clock.js';
import type { KeySource } from '../zones/issuers/jwks.js';
import { CLOCK_SKEW, readTimes } from '../zones/issuers/read-times.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import { verifySigned } from '../zones/issuers/verify-signed.js';
import { SIGNING_ALGS } from '../oauth/algorithms.js';
import { MalformedToken, parseCompactJws } from '../oauth/compact-jws.js';

/** What an assertion is measured against. */
export interface AssertionRules {
  readonly clientId: string;
  /** Our own identifier. */
  readonly issuer: string;
  /** The client's. */
  readonly keys: KeySource;
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
}

/** What makes an assertion usable once. */
export interface AssertionNonce {
  /** Hex SHA-256 of whose it is and of its `jti`. */
  readonly nonce: string;
  /** The last day (`YYYY-MM-DD`, UTC) on which it could be used. */
  readonly day: string;
}

/** How far away the end of an assertion may be, in seconds. */
const MAX_TTL = 300;

/** That it was made for this purpose may be said (RFC 10070), and often is not. */
const TYPS = ['jwt', 'client-authentication+jwt'];

/**
 * Verifies that a client has signed an assertion for us (RFC 7523 3 as updated by RFC 10070, OpenID
 * Connect Core 9 `private_key_jwt`). The audience is our issuer as one string: whoever accepts a list,
 * or the URL of an endpoint, accepts what was made for somebody else, too.
 *
 * @returns what is to be spent in the commit
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifyClientAssertion(
  assertion: string,
  { clientId, issuer, keys, now }: AssertionRules,
): Promise<AssertionNonce> {
  const claims = await verifySigned(assertion, { keys, algorithms: SIGNING_ALGS, typs: TYPS, now });
  if (claims['iss'] !== clientId) throw new UntrustedToken('wrong_issuer');
  if (claims['sub'] !== clientId) throw new UntrustedToken('wrong_sub');
  if (claims['aud'] !== issuer) throw new UntrustedToken('wrong_audience');
  const { exp } = readTimes(claims, now, CLOCK_SKEW);
  if (exp - now > MAX_TTL + CLOCK_SKEW) throw new UntrustedToken('too_long_lived');
  const { jti } = claims;
  if (typeof jti !== 'string' || !/^[!-~]{1,256}$/.test(jti)) {
    throw new UntrustedToken('invalid_jti');
  }
  return {
    nonce: createHash('sha256')
      .update(JSON.stringify([clientId, jti]))
      .digest('hex'),
    day: instant((exp + CLOCK_SKEW) * 1_000)
      .toISOString()
      .slice(0, 10),
  };
}

/**
 * Whom an assertion names in `sub`, so that the client need not be named beside it (RFC 7521 4.2).
 * Nothing of it is believed: it only says whose keys are to be tried.
 *
 * @returns `null` if it names nobody
 */
export function clientNamedIn(assertion: string): string | null {
  try {
    const { sub } = parseCompactJws(assertion).claims;
    return typeof sub === 'string' ? sub : null;
  } catch (error) {
    // What is wrong with it is said when it is verified.
    if (error instanceof MalformedToken) return null;
    throw error;
  }
}
