import type { IncomingMessage } from 'node:http';

/**
 * The `WWW-Authenticate` of a refused bearer (RFC 6750 3): with an error code only if a bearer was tried, since a
 * request without one, or with another scheme, is told nothing but what is wanted (RFC 6750 3.1).
 *
 * @param realm whose bearer is wanted, such as `mandate`
 */
export function bearerChallenge({ headers }: IncomingMessage, realm: string): string {
  const tried = /^bearer\b/i.test(headers.authorization ?? '');
  return tried ? wrongBearer(realm) : challengeOf({ realm });
}

/** The challenge to a bearer that is not usable. */
export function wrongBearer(realm: string): string {
  return challengeOf({ realm, error: 'invalid_token' });
}

/**
 * The challenge to a bearer that lacks a scope.
 *
 * @param scope what would be enough
 */
export function insufficientScope(realm: string, scope: string): string {
  return challengeOf({ realm, error: 'insufficient_scope', scope });
}

/**
 * A challenge of the scheme `Bearer` (RFC 9110 11.6.1). Each value is a quoted string (RFC 9110 5.6.4); one that has
 * more than visible ASCII and spaces is left out, since no header can have it as what it is.
 *
 * @param parameters by name; `null` for one that is absent
 */
export function challengeOf(parameters: Readonly<Record<string, string | null>>): string {
  const written = Object.entries(parameters).flatMap(([name, value]) =>
    value === null || !/^[ -~]*$/.test(value)
      ? []
      : `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  );
  return `Bearer ${written.join(', ')}`;
}
