import { createHash } from 'node:crypto';
import { instant } from '../platform/config/clock.js';
import type { KeySource } from '../zones/issuers/public-key-set.js';
import { CLOCK_SKEW, readTimes } from '../zones/issuers/read-times.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import { verifySigned } from '../zones/issuers/verify-signed.js';
import { SIGNING_ALGS } from '../oauth/algorithms.js';
import { MalformedToken, parseCompactJws } from '../oauth/compact-jws.js';

/** What an assertion is verified against. */
export interface AssertionRules {
  readonly clientId: string;
  /**
   * Exactly one of which `aud` must be: the issuer of the client's zone, or the URL of its token endpoint if the client is
   * registered so; and the same of the issuer that the zone had before.
   */
  readonly audiences: readonly string[];
  /** The client's public keys. */
  readonly keys: KeySource;
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
}

/** The nonce of an assertion, which makes it usable once. */
export interface AssertionNonce {
  /** Hex SHA-256 of the client and `jti`. */
  readonly nonce: string;
  /** The last day (`YYYY-MM-DD`, UTC) on which it could be used. */
  readonly day: string;
}

/**
 * The most seconds that an assertion may still be valid for. There are clients with an hour built in; nothing is gained
 * by less, since it can be used once, and is remembered by the day.
 */
const MAX_TTL = 3_600;

/** The types of an assertion: the one for this purpose (RFC 10070), or the general one, which is usual. */
const TYPS = ['jwt', 'client-authentication+jwt'];

/**
 * Verifies that a client has signed an assertion for us (RFC 7523 3 as updated by RFC 10070, OpenID
 * Connect Core 9 `private_key_jwt`). Its sole audience is what the client is registered to write, as one string: a
 * server that accepts a list, or one of several names, accepts what was made for another server, too.
 *
 * @returns the nonce that the commit spends
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifyClientAssertion(
  assertion: string,
  { clientId, audiences, keys, now }: AssertionRules,
): Promise<AssertionNonce> {
  const claims = await verifySigned(assertion, { keys, algorithms: SIGNING_ALGS, typs: TYPS, now });
  if (claims['iss'] !== clientId) throw new UntrustedToken('wrong_issuer');
  if (claims['sub'] !== clientId) throw new UntrustedToken('wrong_sub');
  if (!audiences.some((audience) => claims['aud'] === audience)) {
    throw new UntrustedToken('wrong_audience');
  }
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
 * The client that an assertion names in `sub`, so that it need not be named beside it (RFC 7521 4.2).
 * Nothing of it is verified: it only says which client's keys are to be tried.
 *
 * @returns `null` if it names none
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
