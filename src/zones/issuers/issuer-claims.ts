import {
  isProblem,
  NO_DETAILS,
  readDetails,
  type AuthorizationDetail,
} from '../../oauth/authorization-details/detail.js';
import { isJsonArray, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import { readTimes, type TokenTimes } from './read-times.js';
import { claimAt, meetsConditions, type TrustedIssuer } from './trusted-issuer.js';
import { UntrustedToken } from './untrusted-token.js';

/** @throws {UntrustedToken} if an issuer is not trusted when a client presents its tokens */
export function checkClientAllowed({ allowedClientIds }: TrustedIssuer, clientId: string): void {
  if (allowedClientIds.length > 0 && !allowedClientIds.includes(clientId)) {
    throw new UntrustedToken('client_not_allowed');
  }
}

/** The checks for every token of an issuer, whatever its use. */
export function checkClaims(
  claims: JsonObject,
  issuer: TrustedIssuer,
  now: number,
  leeway: number,
): TokenTimes {
  if (claims['iss'] !== issuer.issuer) throw new UntrustedToken('wrong_issuer');
  const times = readTimes(claims, now, leeway);
  if (issuer.maxAgeSeconds !== null) {
    if (times.iat === null) throw new UntrustedToken('invalid_iat');
    if (!(now - times.iat <= issuer.maxAgeSeconds)) throw new UntrustedToken('too_old');
  }
  // Bound to a key (RFC 7800 3.1) whose possession is not proved here.
  if (claims['cnf'] !== undefined) throw new UntrustedToken('sender_constrained');
  // A logout token or another security event (RFC 8417 2.2), which looks like an ID token.
  if (claims['events'] !== undefined) throw new UntrustedToken('another_kind');
  if (!meetsConditions(claims, issuer.claimConditions))
    throw new UntrustedToken('condition_not_met');
  return times;
}

/** Checks that `aud` contains one of the expected audiences (RFC 7519 4.1.3). */
export function checkAudience(aud: JsonValue | undefined, expected: readonly string[]): void {
  const audiences = isJsonArray(aud) ? aud : [aud];
  const names = audiences.filter((name) => typeof name === 'string');
  if (names.length !== audiences.length || names.includes('')) {
    throw new UntrustedToken('invalid_aud');
  }
  if (!names.some((name) => expected.includes(name))) throw new UntrustedToken('wrong_audience');
}

export function readSubject(claims: JsonObject, { subjectClaim }: TrustedIssuer): string {
  const sub = claimAt(claims, subjectClaim);
  if (isSubjectIdentifier(sub)) return sub;
  throw new UntrustedToken('invalid_sub');
}

/** A `jti` that can be recorded. */
export function readJti(jti: JsonValue | undefined): string | null {
  return typeof jti === 'string' && /^[!-~]{1,256}$/.test(jti) ? jti : null;
}

/** What exactly a token allows. An empty list is what some issuers write where they mean none. */
export function readAuthorizationDetails({
  authorization_details: claim,
}: JsonObject): readonly AuthorizationDetail[] {
  if (claim === undefined || (isJsonArray(claim) && claim.length === 0)) return NO_DETAILS;
  const details = readDetails(claim);
  if (isProblem(details)) throw new UntrustedToken('invalid_authorization_details');
  return details;
}
