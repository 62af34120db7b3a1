/** The path of the token endpoint (RFC 6749 3.2), below the issuer. */
export const TOKEN_PATH = '/oauth/2/token';

/** The path of the introspection endpoint (RFC 7662 2), below the issuer. */
export const INTROSPECTION_PATH = '/oauth/2/introspect';

/** The path of the revocation endpoint (RFC 7009 2), below the issuer. */
export const REVOCATION_PATH = '/oauth/2/revoke';

/**
 * The URL of the token endpoint of an issuer, as its metadata has it (`token_endpoint`, RFC 8414 2).
 *
 * @param issuer without a trailing slash
 */
export function tokenEndpointOf(issuer: string): string {
  return `${issuer}${TOKEN_PATH}`;
}

/** The token endpoint of all zones, and those of one, as the router takes them. */
const TOKEN_PATHS = new RegExp(`^(?:/zones/[^/]+)?${TOKEN_PATH}/?$`, 'i');

/** Whether a path is that of a token endpoint: of all zones, or of one. */
export function isTokenEndpoint(path: string): boolean {
  return TOKEN_PATHS.test(path);
}
