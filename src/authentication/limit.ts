import { OAuthError } from '../oauth/errors.js';

/** Counts the requests of a client and of its zone. */
export interface RequestCounter {
  /** @returns `null` if the request may go on, else the seconds until another one may be tried */
  count(zoneId: string, clientId: string): Promise<number | null>;
}

/** Whose requests are counted. */
export interface Counted {
  readonly zone: { readonly zoneId: string };
  readonly client: { readonly id: string };
}

/**
 * Limits the requests of a client, and those of all clients of a zone together.
 *
 * @param units how many requests it counts as: one that asks for many things at once is more than one
 * @throws {OAuthError} slow_down
 */
export async function limitRequests(
  { zone, client }: Counted,
  requests: RequestCounter,
  units = 1,
): Promise<void> {
  let retryAfter: number | null = null;
  for (let unit = 0; unit < units && retryAfter === null; unit += 1) {
    retryAfter = await requests.count(zone.zoneId, client.id);
  }
  if (retryAfter === null) return;
  throw new OAuthError('slow_down', 'too many requests', {
    detail: 'rate limit of the client or its zone',
    retryAfter,
  });
}
