import type { CallerKind } from '../platform/http/overload/in-flight.js';
import type { GatewayNonce, SignedRequest } from './gateway-signature.js';
import type { GatewayHeaders } from '../oauth/gateway-headers.js';
import type { AssertionNonce } from './client-assertion.js';
import type { AssertionAttempt } from './client-assertions.service.js';
import type { SecretAttempt, SecretVerdict } from './secret-verifier.js';
import type { Nonce } from '../ledger/entry.js';
import { KeysUnavailable } from '../zones/issuers/public-key-set.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import type { AuthorizationDetail } from '../oauth/authorization-details/detail.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import type { ClientView } from '../zones/clients/client-view.js';
import type { SeenClients } from '../zones/clients/seen-clients.js';
import type { ClientInZone } from '../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import type {
  AssertionCredentials,
  Credentials,
  GatewayCredentials,
  OwnCredentials,
  SecretCredentials,
} from './credentials.js';

/** The credentials of a request, and where it comes from. */
export interface PresentedCredentials<C extends Credentials = Credentials> {
  readonly credentials: C;
  /** The caller's address. */
  readonly source: string;
  /** The zone that the request names, if it names one. */
  readonly zoneId: string | null;
}

/** The client that credentials name, and its zone. Nothing is verified yet. */
export type ClaimedClient = ClientInZone;

/** An authenticated client. */
export interface Caller {
  readonly zone: ZoneSnapshot;
  readonly client: ClientView;
  /** The clients of the zone as they are seen in this evaluation. */
  readonly clients: SeenClients;
  /** Whether a gateway speaks for the client. */
  readonly throughGateway: boolean;
  /** The nonce that the commit spends, if the credentials are good for one request only. */
  readonly once: Nonce | null;
  /** The token that named the client, if nothing else did. */
  readonly federated?: FederatedToken;
}

/** How a client has shown who it is. */
export function kindOf({
  throughGateway,
  federated,
}: Pick<Caller, 'throughGateway' | 'federated'>): CallerKind {
  if (throughGateway) return 'gateway';
  return federated === undefined ? 'client' : 'workload';
}

/** The verified token of a workload, by which alone a client is believed. */
export interface FederatedToken {
  /** The id of the federated identity. */
  readonly id: string;
  /** The name of the trusted issuer, and of the workload there. */
  readonly issuer: string;
  readonly subject: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  /** The issuer's, if it has one that can be recorded. */
  readonly jti: string | null;
  /** What exactly it allows; none where it does not say. */
  readonly authorizationDetails: readonly AuthorizationDetail[];
}

/** Where clients are looked up. */
export interface ClientDirectory {
  findByClient(clientId: string): Promise<ClientInZone | null>;
}

/** The checks of credentials, by method. */
export interface CredentialChecks {
  secret(attempt: SecretAttempt): Promise<SecretVerdict>;
  assertion(attempt: AssertionAttempt): Promise<AssertionNonce | null>;
  gateway(headers: GatewayHeaders, signed: SignedRequest): GatewayNonce | string;
}

/**
 * Finds the client that credentials name, and the zone that it lives in.
 *
 * @returns `null` for a client that does not exist
 */
export async function findClaimed(
  { clientId }: OwnCredentials,
  directory: ClientDirectory,
): Promise<ClaimedClient | null> {
  return isUuid(clientId) ? directory.findByClient(clientId) : null;
}

/**
 * Authenticates a client by its credentials (RFC 6749 2.3).
 *
 * Unknown, disabled, of another zone, not registered for the method, wrong secret: one body, and the
 * same work is done for each.
 *
 * @param claimed what {@link findClaimed} has found
 * @throws {OAuthError} invalid_client; slow_down after too many wrong guesses
 */
export async function authenticateClient(
  presented: PresentedCredentials<OwnCredentials>,
  claimed: ClaimedClient | null,
  checks: CredentialChecks,
): Promise<Caller> {
  const { credentials, source } = presented;
  const obstacle = obstacleFor(presented, claimed);
  const client = obstacle === null && claimed !== null ? claimed.client : null;
  const check =
    credentials.method === 'gateway'
      ? checkGateway(credentials, checks)
      : credentials.method === 'client_assertion'
        ? await checkAssertion(credentials, { claimed, client }, checks)
        : await checkSecret(credentials, { source, claimed, client }, checks);
  if ('once' in check && claimed !== null && client !== null) {
    const throughGateway = credentials.method === 'gateway';
    const { zone, clients } = claimed;
    return { zone, client, clients, throughGateway, once: check.once };
  }
  const failure = 'failure' in check ? check.failure : null;
  if (failure === 'too many wrong secrets') {
    throw new OAuthError('slow_down', 'too many failed attempts', {
      detail: obstacle ?? failure,
      retryAfter: 6,
    });
  }
  throw new OAuthError('invalid_client', 'client authentication failed', {
    detail: obstacle ?? failure ?? 'unknown client',
    ...(credentials.method === 'client_secret_basic'
      ? { wwwAuthenticate: 'Basic realm="mandate"' }
      : {}),
  });
}

/** The result of a check: right, and perhaps good for once only; or why not. */
type CredentialCheck = { readonly once: Nonce | null } | { readonly failure: string };

/** The client that is claimed; `client` is `null` if it may not authenticate in this way. */
interface ClaimedAndUsable {
  readonly claimed: ClaimedClient | null;
  readonly client: ClientView | null;
}

function checkGateway(
  { headers, signed }: GatewayCredentials,
  checks: CredentialChecks,
): CredentialCheck {
  const checked = checks.gateway(headers, signed);
  if (typeof checked === 'string') return { failure: `gateway: ${checked}` };
  return { once: { purpose: 'gateway_request', ...checked } };
}

/** Checks an assertion. It cannot be guessed, so taking longer for a client that exists tells no more than its id. */
async function checkAssertion(
  { assertion }: AssertionCredentials,
  { claimed, client }: ClaimedAndUsable,
  checks: CredentialChecks,
): Promise<CredentialCheck> {
  if (claimed === null || client === null) return { failure: 'unknown client' };
  try {
    const nonce = await checks.assertion({ assertion, client, zone: claimed.zone });
    return { once: nonce === null ? null : { purpose: 'client_assertion', ...nonce } };
  } catch (error) {
    if (error instanceof UntrustedToken) return { failure: `client_assertion: ${error.reason}` };
    if (error instanceof KeysUnavailable) throw unavailable(`client_assertion: ${error.message}`);
    throw error;
  }
}

async function checkSecret(
  { clientId, secret, rawSecret }: SecretCredentials,
  who: ClaimedAndUsable & { readonly source: string },
  checks: CredentialChecks,
): Promise<CredentialCheck> {
  const verdict = await checks.secret({
    clientId,
    secret,
    rawSecret,
    source: who.source,
    secrets: who.client?.secrets ?? [],
    digestKey: who.claimed?.zone.digestKey ?? null,
  });
  if (verdict === 'right') return { once: null };
  return { failure: verdict === 'wrong' ? 'wrong secret' : 'too many wrong secrets' };
}

/** The client's own assertion (OpenID Connect Core 9), or that of the issuer of its identity. */
const ASSERTION_METHODS = ['private_key_jwt', 'workload_identity'];

function obstacleFor(
  { zoneId, credentials }: PresentedCredentials<OwnCredentials>,
  claimed: ClaimedClient | null,
): string | null {
  if (claimed === null) return 'unknown client';
  if (zoneId !== null && zoneId !== claimed.zone.zoneId) return 'client of another zone';
  return obstacleOf(claimed.client, credentials.method);
}

/** Why a client may not be authenticated in a way; `null` if it may. */
export function obstacleOf(
  { disabled, authMethods }: Pick<ClientView, 'disabled' | 'authMethods'>,
  method: OwnCredentials['method'] | 'federated_identity',
): string | null {
  if (disabled) return 'client is disabled';
  // A gateway's signature stands in for whatever the client would have done.
  if (method === 'gateway') return null;
  const methods: readonly string[] = method === 'client_assertion' ? ASSERTION_METHODS : [method];
  return authMethods.some((registered) => methods.includes(registered))
    ? null
    : `client is not registered for ${method}`;
}
