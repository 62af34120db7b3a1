import type { SecretAttempt, SecretVerdict } from '../clients/secret-verifier.js';
import { OAuthError } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import type { ClientView, ZoneSnapshot } from '../snapshot/zone-snapshot.js';
import type { Parsed } from './parse.js';

/** A request whose client may exist. Nothing is proved yet, but a denial can be filed under its zone. */
export interface Identified extends Parsed {
  readonly claimed: { readonly zone: ZoneSnapshot; readonly client: ClientView | null } | null;
}

/** A request whose client has proved who it is. The credentials are spent. */
export interface Authenticated extends Omit<Parsed, 'credentials' | 'zoneId' | 'source'> {
  readonly zone: ZoneSnapshot;
  readonly client: ClientView;
}

/** Where clients are looked up. */
export interface ClientDirectory {
  findByClient(clientId: string): Promise<ZoneSnapshot | null>;
}

/** Who knows whether a secret is right. */
export interface SecretCheck {
  verify(attempt: SecretAttempt): Promise<SecretVerdict>;
}

/** Stage 2a: finds the client that the credentials name, and the zone that it lives in. */
export async function identify(parsed: Parsed, directory: ClientDirectory): Promise<Identified> {
  const { clientId } = parsed.credentials;
  const zone = isUuid(clientId) ? await directory.findByClient(clientId) : null;
  if (zone === null) return { ...parsed, claimed: null };
  return { ...parsed, claimed: { zone, client: zone.clients.get(clientId) ?? null } };
}

/**
 * Stage 2b: believes the client if its secret is right (RFC 6749 2.3.1).
 *
 * Unknown, disabled, of another zone, not registered for the method, wrong secret: one body, and the
 * same work is done for each.
 *
 * @throws {OAuthError} invalid_client; slow_down after too many wrong guesses
 */
export async function authenticate(
  identified: Identified,
  secrets: SecretCheck,
): Promise<Authenticated> {
  const { claimed, credentials, zoneId: _claimedZone, source, ...rest } = identified;
  const obstacle = obstacleFor(identified);
  const client = obstacle === null ? claimed?.client : null;
  const verdict = await secrets.verify({
    clientId: credentials.clientId,
    secret: credentials.secret,
    source,
    secrets: client?.secrets ?? [],
    digestKey: claimed?.zone.digestKey ?? null,
  });
  if (verdict === 'right' && claimed && client) return { ...rest, zone: claimed.zone, client };
  if (verdict === 'throttled') {
    throw new OAuthError('slow_down', 'too many failed attempts', {
      detail: obstacle ?? 'too many wrong secrets',
      retryAfter: 6,
    });
  }
  throw new OAuthError('invalid_client', 'client authentication failed', {
    detail: obstacle ?? 'wrong secret',
    ...(credentials.method === 'client_secret_basic'
      ? { wwwAuthenticate: 'Basic realm="mandate"' }
      : {}),
  });
}

function obstacleFor({ claimed, zoneId, credentials }: Identified): string | null {
  if (claimed === null || claimed.client === null) return 'unknown client';
  if (zoneId !== null && zoneId !== claimed.zone.zoneId) return 'client of another zone';
  if (claimed.client.disabled) return 'client is disabled';
  if (!claimed.client.authMethods.includes(credentials.method)) {
    return `client is not registered for ${credentials.method}`;
  }
  return null;
}
