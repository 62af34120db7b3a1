import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { UntrustedToken, type UntrustedReason } from './untrusted-token.js';

/** Seconds by which an issuer's clock may differ from ours. */
export const CLOCK_SKEW = 30;

/** The times of a token, in whole seconds since the epoch. */
export interface TokenTimes {
  readonly exp: number;
  /** `null` if the token has none. */
  readonly iat: number | null;
}

/**
 * Reads the times of an issuer's or client's token (RFC 7519 4.1.4 to 4.1.6). `exp` is required. Times may have
 * a fraction (RFC 7519 2), which is rounded so that the token is never valid for longer.
 *
 * @param now seconds since the epoch; may have a fraction
 * @param leeway seconds after `exp` for which the token is still accepted
 * @throws {UntrustedToken}
 */
export function readTimes(claims: JsonObject, now: number, leeway: number): TokenTimes {
  const exp = Math.floor(readSeconds(claims['exp'], 'invalid_exp'));
  const { iat, nbf } = claims;
  // The negation also refuses a `now` that is NaN.
  if (!(exp + leeway > now)) throw new UntrustedToken('expired');
  if (nbf !== undefined && !(readSeconds(nbf, 'invalid_nbf') <= now + CLOCK_SKEW)) {
    throw new UntrustedToken('not_yet_valid');
  }
  if (iat === undefined) return { exp, iat: null };
  const issued = Math.ceil(readSeconds(iat, 'invalid_iat'));
  if (!(issued <= now + CLOCK_SKEW)) throw new UntrustedToken('issued_in_future');
  if (exp <= issued) throw new UntrustedToken('invalid_lifetime');
  return { exp, iat: issued };
}

function readSeconds(value: JsonValue | undefined, reason: UntrustedReason): number {
  if (typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new UntrustedToken(reason);
}
