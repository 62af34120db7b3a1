import type { AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import { isJsonArray, type JsonObject } from '../../oauth/strict-json.js';
import type { VerifiedSignatures } from '../../platform/verified-signatures.js';
import {
  checkClientAllowed,
  checkClaims,
  checkAudience,
  readSubject,
  readJti,
  readAuthorizationDetails,
} from './issuer-claims.js';
import type { KeySource } from './public-key-set.js';
import { CLOCK_SKEW } from './read-times.js';
import type { TrustedIssuer } from './trusted-issuer.js';
import { UntrustedToken } from './untrusted-token.js';
import { verifySigned } from './verify-signed.js';

/** The rules for a workload's token, whatever way it comes. */
export interface WorkloadTokenRules {
  readonly keys: KeySource;
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
  /** The signatures that need not be verified again. */
  readonly verified?: VerifiedSignatures;
}

/** The client that a workload's token is to authenticate. */
export interface ExpectedWorkload {
  /** The issuers of the zone, one of which the token must have as audience. */
  readonly audiences: readonly string[];
  readonly subject: string;
  readonly clientId: string;
}

/** The longest remaining lifetime of a workload's token, in seconds. */
const MAX_WORKLOAD_TTL = 3_600;

/**
 * Verifies a trusted issuer's token that authenticates a workload as a client (RFC 7523 3): a Kubernetes
 * service account token, an OpenID Connect token of a CI system, a SPIFFE JWT-SVID. Such tokens have no
 * dependable `jti`, and workloads use them until they get the next one, so a token may be used again.
 *
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifyWorkloadToken(
  token: string,
  issuer: TrustedIssuer,
  { audiences, subject, clientId, ...rules }: WorkloadTokenRules & ExpectedWorkload,
): Promise<void> {
  checkClientAllowed(issuer, clientId);
  const { claims } = await verifyWorkload(token, issuer, rules, CLOCK_SKEW);
  checkAudience(claims['aud'], audiences);
  if (readSubject(claims, issuer) !== subject) throw new UntrustedToken('wrong_sub');
}

/** The workload that a verified token names. Which client that is, and whether the token is for us, is yet to be seen. */
export interface Workload {
  readonly issuer: string;
  /** The subject claim, byte for byte. */
  readonly subject: string;
  /** The one audience of the token. */
  readonly audience: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  /** The token's `jti`, if it has one that can be recorded. */
  readonly jti: string | null;
  /** What exactly the token allows; none where it does not say. */
  readonly authorizationDetails: readonly AuthorizationDetail[];
}

/**
 * Verifies a token of a workload that is exchanged without any other credentials (RFC 8693 2.1), as far as that does not
 * depend on the client that it names. It must be for one audience: one that is for others as well could have been passed
 * on by them.
 *
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifyFederatedToken(
  token: string,
  issuer: TrustedIssuer,
  rules: WorkloadTokenRules,
): Promise<Workload> {
  // No leeway: what is minted may not outlive this token.
  const { claims, exp } = await verifyWorkload(token, issuer, rules, 0);
  const { aud, act, may_act: mayAct, jti } = claims;
  // Then it is not, or not only, the workload that presents it.
  if (act !== undefined) throw new UntrustedToken('has_an_actor');
  if (mayAct !== undefined) throw new UntrustedToken('invalid_may_act');
  const [audience, ...others] = isJsonArray(aud) ? aud : [aud];
  if (others.length > 0) throw new UntrustedToken('several_audiences');
  if (typeof audience !== 'string' || audience === '') throw new UntrustedToken('invalid_aud');
  return {
    issuer: issuer.issuer,
    subject: readSubject(claims, issuer),
    audience,
    exp,
    jti: readJti(jti),
    authorizationDetails: readAuthorizationDetails(claims),
  };
}

/** The checks for every token of a workload. */
async function verifyWorkload(
  token: string,
  issuer: TrustedIssuer,
  { keys, now, verified }: WorkloadTokenRules,
  leeway: number,
): Promise<{ readonly claims: JsonObject; readonly exp: number }> {
  if (!issuer.tokenTypes.includes('client_assertion')) {
    throw new UntrustedToken('token_type_not_allowed');
  }
  const typs = ['jwt', 'jose', 'client-authentication+jwt'];
  const { algorithms } = issuer;
  const claims = await verifySigned(token, { keys, algorithms, typs, now, verified });
  const { exp } = checkClaims(claims, issuer, now, leeway);
  if (exp - now > MAX_WORKLOAD_TTL + CLOCK_SKEW) throw new UntrustedToken('too_long_lived');
  return { claims, exp };
}
