/** The grant type of a token exchange (RFC 8693 2.1). */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** The grant type of client credentials (RFC 6749 4.4). */
export const CLIENT_CREDENTIALS = 'client_credentials';
/** The grant type of a JWT as authorization grant (RFC 7523 2.1). */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A token type identifier (RFC 8693 3). */
export function tokenType(name: string): string {
  return `urn:ietf:params:oauth:token-type:${name}`;
}

/** What no server knows, and every server has to have an answer to. */
export const UNKNOWN = {
  grantType: 'urn:example:conformance:unknown',
  assertionType: 'urn:example:conformance:unknown',
  tokenType: 'urn:example:conformance:unknown',
  scope: 'conformance-unknown',
  parameter: 'conformance_unknown',
  target: 'https://unknown.conformance.example/',
  issuer: 'https://unknown.conformance.example',
  party: 'unknown-party.conformance.example',
  relativeResource: 'conformance/relative',
  token: 'conformance.no.token',
} as const;
