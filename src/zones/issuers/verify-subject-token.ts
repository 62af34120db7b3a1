import { isLine, readAuthentication, type Authentication } from '../../mandates/authentication.js';
import { hasExactNumbers } from '../../oauth/exact-numbers.js';
import type { AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import { isJsonArray, isJsonObject, type JsonObject } from '../../oauth/strict-json.js';
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
import { claimAt, type IssuerTokenType, type TrustedIssuer } from './trusted-issuer.js';
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
