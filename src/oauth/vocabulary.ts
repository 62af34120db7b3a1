/** The grant type of a token exchange (RFC 8693 2.1). */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** The grant type of client credentials (RFC 6749 4.4). */
export const CLIENT_CREDENTIALS = 'client_credentials';

/** The grant types that the token endpoint takes. */
export const GRANT_TYPES = [TOKEN_EXCHANGE, CLIENT_CREDENTIALS] as const;

/** One of {@link GRANT_TYPES}. */
export type GrantType = (typeof GRANT_TYPES)[number];

/** The token type identifiers of mandates (RFC 8693 3). */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

/** The token type identifier of an ID token (RFC 8693 3, OpenID Connect Core 2). */
export const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token';

/** A token type identifier that a mandate can have. */
export type MandateTokenType = typeof ACCESS_TOKEN_TYPE | typeof JWT_TOKEN_TYPE;

/** A token type identifier that can be exchanged. */
export type SubjectTokenType = MandateTokenType | typeof ID_TOKEN_TYPE;

/** The `client_assertion_type` of a JWT (RFC 7523 2.2). */
export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Whether a token type identifier is one that mandates have. */
export function isMandateTokenType(value: string): value is MandateTokenType {
  return value === ACCESS_TOKEN_TYPE || value === JWT_TOKEN_TYPE;
}

/** Whether a token type identifier is one that can be exchanged. */
export function isSubjectTokenType(value: string): value is SubjectTokenType {
  return value === ID_TOKEN_TYPE || isMandateTokenType(value);
}

/** Whether a text is a UUID in its canonical, lower-case form (RFC 9562 4). */
export function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

/** The `typ` of a mandate (RFC 9068 2.1), in the one spelling that is minted. */
export const MANDATE_TYP = 'at+jwt';

/**
 * The `typ`s that mandates have, in the spellings that are minted. `JWT` is for resource mandates only, where every
 * resource is registered so: it is what assertions and tokens of others have as well, so of what is presented to us as a
 * session nothing has it.
 */
export const MANDATE_TYPS = [MANDATE_TYP, 'JWT'] as const;

/** See {@link MANDATE_TYPS}. */
export type MandateTyp = (typeof MANDATE_TYPS)[number];

/** The `typ` of a Security Event Token (RFC 8417 2.3). */
export const SET_TYP = 'secevent+jwt';
