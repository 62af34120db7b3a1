import type { IncomingMessage } from 'node:http';

/**
 * The `WWW-Authenticate` of a refused bearer (RFC 6750 3): with an error code only if a bearer was tried, since a
 * request without one, or with another scheme, is told nothing but what is wanted (RFC 6750 3.1).
 *
 * @param realm whose bearer is wanted, such as `mandate`
 */
export function bearerChallenge({ headers }: IncomingMessage, realm: string): string {
  const tried = /^bearer\b/i.test(headers.authorization ?? '');
  return tried ? wrongBearer(realm) : `Bearer realm="${realm}"`;
}

/** The challenge to a bearer that is not usable. */
export function wrongBearer(realm: string): string {
  return `Bearer realm="${realm}", error="invalid_token"`;
}

/**
 * The challenge to a bearer that lacks a scope.
 *
 * @param scope what would be enough
 */
export function insufficientScope(realm: string, scope: string): string {
  return `Bearer realm="${realm}", error="insufficient_scope", scope="${scope}"`;
}
