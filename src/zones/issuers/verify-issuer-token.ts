import { isLine, readAuthentication, type Authentication } from '../../mandates/authentication.js';
import { hasExactNumbers } from '../../oauth/exact-numbers.js';
import {
  isProblem,
  NO_DETAILS,
  readDetails,
  type AuthorizationDetail,
} from '../../oauth/authorization-details/detail.js';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import type { VerifiedSignatures } from '../../platform/verified-signatures.js';
import type { KeySource } from './jwks.js';
import { CLOCK_SKEW, readTimes, type TokenTimes } from './read-times.js';
import {
  claimAt,
  meetsConditions,
  type IssuerTokenType,
  type TrustedIssuer,
} from './trusted-issuer.js';
import { UntrustedToken } from './untrusted-token.js';
import { verifySigned } from './verify-signed.js';

/** The user of a verified subject token. */
export interface IssuerSubject {
  /** The issuer of `sub`, which is unique only within it. */
  readonly issuer: string;
  /** The subject claim, byte for byte. */
  readonly sub: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  /** When the token was issued, in seconds since the epoch; `null` if it does not say. */
  readonly issuedAt: number | null;
  /** The token's `jti`, if it has one that can be recorded. */
  readonly jti: string | null;
  /** How and when the user was authenticated (OpenID Connect Core 2). */
  readonly authentication: Authentication;
  /** The labels from the issuer's label claims, as `claim=value`. */
  readonly labels: readonly string[];
  /** `may_act` (RFC 8693 4.4); a `sub` without `iss` in it is of this issuer. */
  readonly mayAct: JsonObject | null;
  /** What exactly the token allows (RFC 9396 9.1); none where it does not say. */
  readonly authorizationDetails: readonly AuthorizationDetail[];
  /** All claims as signed, their types unchecked: what scopes let into mandates is of these. */
  readonly claims: JsonObject;
}

/** The rules for a subject token. */
export interface SubjectTokenRules {
  readonly tokenType: Exclude<IssuerTokenType, 'client_assertion'>;
  readonly clientId: string;
  readonly keys: KeySource;
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
  /** The signatures that need not be verified again. */
  readonly verified?: VerifiedSignatures;
}

/** The accepted `typ`s: an access token (RFC 9068 2.1) has its own, most other tokens have `JWT`. */
const TYPS = { jwt: ['jwt', 'at+jwt', 'application/at+jwt'], id_token: ['jwt'] } as const;

/**
 * Verifies a token of a trusted issuer that is exchanged as a subject token (RFC 8693 2.1, RFC 7523 3,
 * OpenID Connect Core 3.1.3.7).
 *
 * @throws {UntrustedToken}
 * @throws {KeysUnavailable}
 */
export async function verifySubjectToken(
  token: string,
  issuer: TrustedIssuer,
  { tokenType, clientId, keys, now, verified }: SubjectTokenRules,
): Promise<IssuerSubject> {
  if (!issuer.tokenTypes.includes(tokenType)) throw new UntrustedToken('token_type_not_allowed');
  checkClientAllowed(issuer, clientId);
  const { algorithms } = issuer;
  const typs = TYPS[tokenType];
  const claims = await verifySigned(token, { keys, algorithms, typs, now, verified });
  // No leeway: what is minted may not outlive this token.
  const { exp } = checkClaims(claims, issuer, now, 0);
  checkAudience(claims['aud'], issuer.audiences);
  const issuedAt = typeof claims['iat'] === 'number' ? Math.floor(claims['iat']) : null;
  if (!isIssuedSince(issuedAt, issuer.notBefore)) throw new UntrustedToken('taken_back');
  const { act, may_act: mayAct, jti } = claims;
  // The issuer of the actor's `sub` would not be known.
  if (act !== undefined) throw new UntrustedToken('has_an_actor');
  if (mayAct !== undefined && !isJsonObject(mayAct)) throw new UntrustedToken('invalid_may_act');
  return {
    issuer: issuer.issuer,
    sub: readSubject(claims, issuer),
    exp,
    issuedAt,
    jti: readJti(jti),
    authentication: readUserAuthentication(claims, now),
    labels: readLabels(claims, issuer.labelClaims),
    mayAct: mayAct ?? null,
    authorizationDetails: readAuthorizationDetails(claims),
    claims,
  };
}

/**
 * Whether a token was issued after something was taken back. It is the issuer's clock that says when, so a token of the
 * same second does not count, nor one that does not say.
 *
 * @param issuedAt seconds since the epoch
 * @param notBefore milliseconds since the epoch; `null` if nothing was taken back
 */
export function isIssuedSince(issuedAt: number | null, notBefore: number | null): boolean {
  return notBefore === null || (issuedAt !== null && issuedAt * 1_000 >= notBefore);
}

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

/** @throws {UntrustedToken} if an issuer is not trusted when a client presents its tokens */
export function checkClientAllowed({ allowedClientIds }: TrustedIssuer, clientId: string): void {
  if (allowedClientIds.length > 0 && !allowedClientIds.includes(clientId)) {
    throw new UntrustedToken('client_not_allowed');
  }
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

/** The checks for every token of an issuer, whatever its use. */
function checkClaims(
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
function checkAudience(aud: JsonValue | undefined, expected: readonly string[]): void {
  const audiences = isJsonArray(aud) ? aud : [aud];
  const names = audiences.filter((name) => typeof name === 'string');
  if (names.length !== audiences.length || names.includes('')) {
    throw new UntrustedToken('invalid_aud');
  }
  if (!names.some((name) => expected.includes(name))) throw new UntrustedToken('wrong_audience');
}

function readSubject(claims: JsonObject, { subjectClaim }: TrustedIssuer): string {
  const sub = claimAt(claims, subjectClaim);
  if (isSubjectIdentifier(sub)) return sub;
  throw new UntrustedToken('invalid_sub');
}

/** A `jti` that can be recorded. */
function readJti(jti: JsonValue | undefined): string | null {
  return typeof jti === 'string' && /^[!-~]{1,256}$/.test(jti) ? jti : null;
}

/** What exactly a token allows. An empty list is what some issuers write where they mean none. */
function readAuthorizationDetails({
  authorization_details: claim,
}: JsonObject): readonly AuthorizationDetail[] {
  if (claim === undefined || (isJsonArray(claim) && claim.length === 0)) return NO_DETAILS;
  const details = readDetails(claim);
  if (isProblem(details)) throw new UntrustedToken('invalid_authorization_details');
  return details;
}

const MAX_METHODS = 20;

/** What the token says of the authentication of its user, which cannot lie ahead. */
function readUserAuthentication(claims: JsonObject, now: number): Authentication {
  const authentication = readAuthentication(claims);
  if (
    authentication === null ||
    (authentication.amr ?? []).length > MAX_METHODS ||
    !((authentication.authTime ?? 0) <= now + CLOCK_SKEW)
  ) {
    throw new UntrustedToken('invalid_authentication');
  }
  return authentication;
}

const MAX_LABELS = 50;

/** `claim=value` for each value of each claim, so that no claim can pass for another one. */
function readLabels(claims: JsonObject, names: readonly string[]): readonly string[] {
  const labels = names.flatMap((name) => {
    const value = claimAt(claims, name);
    const values = isJsonArray(value) ? value : value === undefined ? [] : [value];
    // Beyond 2^53 it could be the label of somebody else.
    if (values.some((one) => typeof one === 'number' && !hasExactNumbers(one)))
      throw new UntrustedToken('invalid_labels');
    return values.flatMap((one) =>
      typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean'
        ? [`${name}=${one}`]
        : [],
    );
  });
  // All or none: a policy may forbid the one that would be left out.
  if (labels.length > MAX_LABELS || !labels.every(isLine)) {
    throw new UntrustedToken('invalid_labels');
  }
  return [...new Set(labels)].toSorted();
}
