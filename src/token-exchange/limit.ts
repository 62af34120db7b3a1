import { OAuthError } from '../oauth/errors.js';
import type { Authenticated } from './authenticate.js';

/** Who counts requests. */
export interface RequestCounter {
  count(zoneId: string, clientId: string): Promise<number | null>;
}

/**
 * Stage 2c: lets a client, and all clients of a zone together, ask only so often. It is about load, not
 * about authority, so it is neither told nor recorded as a denial.
 *
 * @throws {OAuthError} slow_down
 */
export async function limit(
  authenticated: Authenticated,
  requests: RequestCounter,
): Promise<Authenticated> {
  const { zone, client } = authenticated;
  const retryAfter = await requests.count(zone.zoneId, client.id);
  if (retryAfter === null) return authenticated;
  throw new OAuthError('slow_down', 'too many requests', {
    detail: 'rate limit of the client or its zone',
    retryAfter,
  });
}
