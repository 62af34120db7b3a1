import type { SigningAlg } from '../../oauth/algorithms.js';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import type { PublicJwks } from './jwks.js';

/** The uses of an issuer's tokens. */
export const ISSUER_TOKEN_TYPES = ['jwt', 'id_token', 'client_assertion'] as const;

/**
 * `jwt` and `id_token`: as a subject token of that type (RFC 8693 3); `client_assertion`: by the
 * workload that it names, to authenticate (RFC 7523 2.2).
 */
export type IssuerTokenType = (typeof ISSUER_TOKEN_TYPES)[number];

/** A value that a claim can be compared with. */
export type ClaimValue = string | number | boolean;

/** The allowed values of claims, by claim: it must have one of them, or as a list contain one. */
export type ClaimConditions = Readonly<Record<string, readonly ClaimValue[]>>;

/** A trusted issuer in a snapshot. */
export interface TrustedIssuer {
  /** The `iss` of its tokens, exactly. */
  readonly issuer: string;
  /** Either `jwks` or `jwksUri` is set. */
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
  readonly audiences: readonly string[];
  readonly algorithms: readonly SigningAlg[];
  readonly tokenTypes: readonly IssuerTokenType[];
  readonly claimConditions: ClaimConditions;
  readonly subjectClaim: string;
  readonly labelClaims: readonly string[];
  /** Empty for every client. */
  readonly allowedClientIds: readonly string[];
  /** Seconds since `iat` after which its tokens are refused; `null` for no such limit. */
  readonly maxAgeSeconds: number | null;
  /** Counts how often all that was issued for its subjects was taken back. */
  readonly generation: number;
  /**
   * When that, or all of the zone, was taken back last, in milliseconds since the epoch; `null` if never. What a token of
   * before says of its user does not count.
   */
  readonly notBefore: number | null;
}

/**
 * The value of a claim. A name that starts with a slash is a JSON pointer (RFC 6901) to a claim inside
 * of another one.
 */
export function claimAt(claims: JsonObject, name: string): JsonValue | undefined {
  if (!name.startsWith('/')) return claims[name];
  let value: JsonValue | undefined = claims;
  for (const token of name.slice(1).split('/')) {
    const member: string = token.replaceAll('~1', '/').replaceAll('~0', '~');
    value = isJsonObject(value) ? value[member] : undefined;
  }
  return value;
}

/** Whether the claims meet every condition. An absent claim meets none. */
export function meetsConditions(claims: JsonObject, conditions: ClaimConditions): boolean {
  return Object.entries(conditions).every(([name, allowed]) => {
    const value = claimAt(claims, name);
    const values = isJsonArray(value) ? value : [value];
    return values.some((one) => allowed.some((each) => each === one));
  });
}
