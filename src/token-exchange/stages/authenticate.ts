import type { Caller, ClaimedClient } from '../../authentication/authenticate-client.js';
import type { ClientAuthentication } from '../../authentication/client-authentication.service.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import type { Parsed } from './parse.js';

/** A request whose client may exist. Nothing is proved yet, but a denial can be filed under its zone. */
export interface Identified extends Parsed {
  readonly claimed: ClaimedClient | null;
  /** The zone in which the subject token is to name the client, if there are no other credentials. */
  readonly zone: ZoneSnapshot | null;
}

/** A request whose client has proved who it is. The credentials are spent. */
export interface Authenticated extends Omit<Parsed, 'presented'> {
  readonly caller: Caller;
}

/**
 * Stage 2a: finds the client that the credentials name, and the zone that it lives in; or the zone alone, where the
 * subject token is to name the client, which is not read before it is verified.
 */
export async function identify(
  parsed: Parsed,
  clients: Pick<ClientAuthentication, 'identify' | 'findZone'>,
): Promise<Identified> {
  const { asked, presented, tokens, sessionId, agent, challenge } = parsed;
  const claimed = await clients.identify(presented.credentials);
  const zone = await clients.findZone(presented.credentials);
  return { asked, presented, tokens, sessionId, agent, challenge, claimed, zone };
}

/**
 * Stage 2b: checks the credentials (RFC 6749 2.3), or the token that stands in for them.
 *
 * @throws {OAuthError} invalid_client; invalid_request for a token that names no client; slow_down after too many wrong
 *   guesses
 */
export async function authenticate(
  identified: Identified,
  clients: Pick<ClientAuthentication, 'verify'>,
): Promise<Authenticated> {
  const { asked, presented, tokens, sessionId, agent, challenge, claimed, zone } = identified;
  const caller = await clients.verify(presented, claimed, zone);
  return { asked, tokens, sessionId, agent, challenge, caller };
}

/**
 * Stage 2c: limits how often a client, and all clients of a zone together, may ask. It is about load, not
 * about authority, so it is not recorded as a denial.
 *
 * @param count counts the request, and refuses it if there were too many
 * @throws {OAuthError} slow_down
 */
export async function limit(
  authenticated: Authenticated,
  count: (caller: Caller) => Promise<void>,
): Promise<Authenticated> {
  await count(authenticated.caller);
  return authenticated;
}
