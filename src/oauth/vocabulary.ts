/** RFC 8693 2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** RFC 6749 4.4. */
export const CLIENT_CREDENTIALS = 'client_credentials';

export type GrantType = typeof TOKEN_EXCHANGE | typeof CLIENT_CREDENTIALS;

/** RFC 8693 3. */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

/** RFC 8693 3: what an OpenID provider says of a user. */
export const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token';

export type MandateTokenType = typeof ACCESS_TOKEN_TYPE | typeof JWT_TOKEN_TYPE;

export type SubjectTokenType = MandateTokenType | typeof ID_TOKEN_TYPE;

/** RFC 7523 2.2. */
export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Whether a token type identifier names a form that mandates have. */
export function isMandateTokenType(value: string): value is MandateTokenType {
  return value === ACCESS_TOKEN_TYPE || value === JWT_TOKEN_TYPE;
}

/** Whether a token type identifier names something that can be exchanged. */
export function isSubjectTokenType(value: string): value is SubjectTokenType {
  return value === ID_TOKEN_TYPE || isMandateTokenType(value);
}

/** Whether a text is a UUID in its canonical, lower-case form (RFC 9562 4). */
export function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}
