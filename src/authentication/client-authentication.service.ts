import { Inject, Injectable } from '@nestjs/common';
import { NO_ZONE } from '../ledger/entry.js';
import { Ledger } from '../ledger/ledger.service.js';
import { OAuthError, orUnavailable, unavailable } from '../oauth/errors.js';
import type { Form } from '../oauth/form.js';
import { isUuid } from '../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import type { Basis } from '../zones/snapshot/basis.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import {
  authenticateClient,
  findClaimed,
  type Caller,
  type ClaimedClient,
  type CredentialChecks,
  type PresentedCredentials,
} from './authenticate-client.js';
import { ClientAssertions } from './client-assertions.service.js';
import { FederatedClients } from './federated-clients.service.js';
import { readClientForm, type ClientRequest } from './client-request.js';
import { readCredentials, readZone, type Credentials } from './credentials.js';
import { verifyGatewaySignature } from './gateway-signature.js';
import { limitRequests, type Counted } from './limit.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';

/** A client that has proved who it is, and the parameters of its request. */
export interface AuthenticatedClient extends Omit<Caller, 'once'> {
  readonly form: Form;
}

/** Evaluations of one request in a zone that keeps changing. */
const MAX_ATTEMPTS = 5;

/**
 * Client authentication (RFC 6749 2.3), the same for every endpoint: by secret, by assertion, or by the
 * signature of a gateway.
 */
@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly snapshots: Snapshots,
    private readonly secrets: SecretVerifier,
    private readonly assertions: ClientAssertions,
    private readonly federated: FederatedClients,
    private readonly limits: RequestLimits,
    private readonly ledger: Ledger,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Authenticates the client of a request: parses the form, verifies the credentials on what the database
   * says now, counts the request against its limits, and spends a credential that is good for one request.
   * For endpoints that commit nothing to the ledger by themselves; the token endpoint does the same in
   * stages, and leaves currency and spending to its commit.
   *
   * @param request as {@link readClientRequest} reads it
   * @param repeatable the parameters of the endpoint that may be given more than once
   * @throws {OAuthError} invalid_request, invalid_client, slow_down, temporarily_unavailable
   */
  async authenticate(
    request: ClientRequest,
    repeatable?: ReadonlySet<string>,
  ): Promise<AuthenticatedClient> {
    const form = readClientForm(request, repeatable);
    return { ...(await this.authenticateBy(request, form)), form };
  }

  /**
   * The same for a request whose parameters were read already, or that has none but an `Authorization` header.
   *
   * @param units how many requests it counts as against the limits of its client and zone
   * @throws {OAuthError} as {@link authenticate}
   */
  async authenticateBy(
    request: Omit<ClientRequest, 'requestId' | 'hasQuery'>,
    form: Form,
    units = 1,
  ): Promise<Omit<Caller, 'once'>> {
    const credentials = readCredentials(request, form);
    const presented = { credentials, source: request.source, zoneId: readZone(request, form) };
    const { once, ...caller } = await this.verifyCurrent(presented);
    request.inFlight.countFor(caller.zone.zoneId, caller.client.id);
    await limitRequests(caller, this.limits, units);
    if (once === null) return caller;
    const { zoneId } = caller.zone;
    if (await orUnavailable('nonce', this.ledger.spend(zoneId, once))) return caller;
    throw new OAuthError('invalid_client', 'client authentication failed', {
      detail: `${once.purpose} was used before`,
    });
  }

  /**
   * Finds the client that credentials name, and its zone. Nothing is proved by that.
   *
   * @returns `null` for a client that does not exist, and if it takes a verified token to know the client
   * @throws {OAuthError} temporarily_unavailable
   */
  async identify(credentials: Credentials): Promise<ClaimedClient | null> {
    if (credentials.method === 'federated_token') return null;
    return findClaimed(credentials, {
      findByClient: (id) => orUnavailable('client', this.snapshots.findByClient(id)),
    });
  }

  /**
   * The zone in which a token is to name the client.
   *
   * @returns `null` if there is no such zone, and for all other credentials: what they name has a zone
   * @throws {OAuthError} temporarily_unavailable
   */
  async findZone(credentials: Credentials): Promise<ZoneSnapshot | null> {
    return credentials.method === 'federated_token' ? this.federated.findZone(credentials) : null;
  }

  /**
   * Checks credentials.
   *
   * @param claimed what {@link identify} has found
   * @param zone what {@link findZone} has found
   * @throws {OAuthError} invalid_client, or invalid_request for a token that names none; slow_down after too many wrong
   *   guesses; temporarily_unavailable
   */
  verify(
    presented: PresentedCredentials,
    claimed: ClaimedClient | null,
    zone: ZoneSnapshot | null,
  ): Promise<Caller> {
    const { credentials } = presented;
    return credentials.method === 'federated_token'
      ? this.federated.verify(credentials, zone)
      : authenticateClient({ ...presented, credentials }, claimed, this.checks);
  }

  /**
   * Counts one request against the limits of its client and zone, however often the result is called: a
   * request that is evaluated again is still one request.
   *
   * @returns a function that counts, and throws an `OAuthError` slow_down if there were too many
   */
  countOnce(): (caller: Counted) => Promise<void> {
    let counted: Promise<number | null> | undefined;
    const count = (zoneId: string, clientId: string) =>
      (counted ??= this.limits.count(zoneId, clientId));
    return (caller) => limitRequests(caller, { count });
  }

  /** Verifies credentials, and again if the zone or the client has changed since it was read. */
  private async verifyCurrent(presented: PresentedCredentials): Promise<Caller> {
    const { clientId } = presented.credentials;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const claimed = await this.identify(presented.credentials);
      const verified = await Promise.allSettled([this.verify(presented, claimed, null)]);
      const basis: Basis =
        claimed === null
          ? { zoneId: NO_ZONE, clientId: isUuid(clientId) ? clientId : undefined }
          : {
              zoneId: claimed.zone.zoneId,
              version: claimed.zone.version,
              clients: claimed.clients.seen,
            };
      if (await orUnavailable('zone', this.snapshots.isCurrent(basis))) {
        const [outcome] = verified;
        if (outcome.status === 'fulfilled') return outcome.value;
        throw outcome.reason;
      }
      await this.snapshots.forget(basis);
    }
    throw unavailable('the zone changed again while the client was authenticated');
  }

  private readonly checks: CredentialChecks = {
    secret: (attempt) => this.secrets.verify(attempt),
    assertion: (attempt) => this.assertions.verify(attempt),
    gateway: (headers, signed) =>
      verifyGatewaySignature(headers, signed, this.env.gatewayHmacKey ?? null, this.clock.now()),
  };
}
