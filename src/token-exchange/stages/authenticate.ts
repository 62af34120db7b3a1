import {
  authenticateClient,
  findClaimed,
  type Caller,
  type ClaimedClient,
  type ClientDirectory,
  type CredentialChecks,
} from '../../authentication/authenticate.js';
import { limitRequests, type RequestCounter } from '../../authentication/limit.js';
import type { Parsed } from './parse.js';

/** A request whose client may exist. Nothing is proved yet, but a denial can be filed under its zone. */
export interface Identified extends Parsed {
  readonly claimed: ClaimedClient | null;
}

/** A request whose client has proved who it is. The credentials are spent. */
export interface Authenticated extends Omit<Parsed, 'credentials' | 'zoneId' | 'source'>, Caller {}

/** Stage 2a: finds the client that the credentials name, and the zone that it lives in. */
export async function identify(parsed: Parsed, directory: ClientDirectory): Promise<Identified> {
  return { ...parsed, claimed: await findClaimed(parsed.credentials, directory) };
}

/**
 * Stage 2b: believes the client if its credentials are right (RFC 6749 2.3).
 *
 * @throws {OAuthError} invalid_client; slow_down after too many wrong guesses
 */
export async function authenticate(
  identified: Identified,
  checks: CredentialChecks,
): Promise<Authenticated> {
  const { claimed, credentials, zoneId, source, ...rest } = identified;
  const caller = await authenticateClient({ credentials, zoneId, source }, claimed, checks);
  return { ...rest, ...caller };
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
  await limitRequests(authenticated, requests);
  return authenticated;
}
