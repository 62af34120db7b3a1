import { Inject, Injectable } from '@nestjs/common';
import { NO_ZONE, type Nonce } from '../ledger/entry.js';
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
  kindOf,
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
import { STALE, type Stale } from './session-bearers.service.js';

/** A client that has proved who it is, and the parameters of its request. */
export interface AuthenticatedClient extends Omit<Caller, 'once'> {
  readonly form: Form;
}

/** A request of a client, as far as it has to do with who that is. */
export type RequestOfClient = Omit<ClientRequest, 'requestId' | 'trace' | 'hasQuery'>;

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
  authenticateBy(request: RequestOfClient, form: Form, units = 1): Promise<Omit<Caller, 'once'>> {
    return this.whileCurrent(request, form, units, async (caller, basis) =>
      (await orUnavailable('zone', this.snapshots.isCurrent(basis))) ? caller : STALE,
    );
  }

  /**
   * Does something for a client that is authenticated on what is in memory, again if that turns out to be old. The
   * request is counted once, and a credential for one request is spent once.
   *
   * @param run does it, and has the database say whether `basis` is current, in the statement that it needs anyway; if it
   *   is not, it must have left nothing behind
   * @throws {OAuthError} as {@link authenticate}; what `run` throws
   */
  async whileCurrent<T>(
    request: RequestOfClient,
    form: Form,
    units: number,
    run: (caller: Omit<Caller, 'once'>, basis: Basis) => Promise<T | Stale>,
  ): Promise<T> {
    const credentials = readCredentials(request, form);
    const presented = { credentials, source: request.source, zoneId: readZone(request, form) };
    let admitted = false;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { basis, claimed, verified } = await this.verifyOnMemory(presented);
      if ('error' in verified) {
        if (claimed !== null) request.inFlight.noteClaim(claimed.zone.zoneId, claimed.client.id);
        if (await orUnavailable('zone', this.snapshots.isCurrent(basis))) throw verified.error;
      } else {
        const { once, ...caller } = verified.caller;
        if (!admitted) await this.admit(request, caller, once, units);
        admitted = true;
        const result = await run(caller, basis);
        if (result !== STALE) return result;
      }
      await this.snapshots.forget(basis);
    }
    throw unavailable('the zone changed again while the client was authenticated');
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

  /** Verifies credentials on what is in memory. What that was is to be compared, whatever came of it. */
  private async verifyOnMemory(presented: PresentedCredentials): Promise<{
    readonly basis: Basis;
    readonly claimed: ClaimedClient | null;
    readonly verified: { readonly caller: Caller } | { readonly error: unknown };
  }> {
    const { clientId } = presented.credentials;
    const claimed = await this.identify(presented.credentials);
    const verified = await this.verify(presented, claimed, null).then(
      (caller) => ({ caller }),
      (error: unknown) => ({ error }),
    );
    const basis: Basis =
      claimed === null
        ? { zoneId: NO_ZONE, clientId: isUuid(clientId) ? clientId : undefined }
        : {
            zoneId: claimed.zone.zoneId,
            version: claimed.zone.version,
            clients: claimed.clients.seen,
          };
    return { basis, claimed, verified };
  }

  /** Counts a request, and spends the credential that is good for it alone. */
  private async admit(
    { inFlight }: RequestOfClient,
    caller: Omit<Caller, 'once'>,
    once: Nonce | null,
    units: number,
  ): Promise<void> {
    const { zoneId } = caller.zone;
    inFlight.countFor(zoneId, caller.client.id, kindOf(caller));
    await limitRequests(caller, this.limits, units);
    if (once === null || (await orUnavailable('nonce', this.ledger.spend(zoneId, once)))) return;
    throw new OAuthError('invalid_client', 'client authentication failed', {
      detail: `${once.purpose} was used before`,
    });
  }

  private readonly checks: CredentialChecks = {
    secret: (attempt) => this.secrets.verify(attempt),
    assertion: (attempt) => this.assertions.verify(attempt),
    gateway: (headers, signed) =>
      verifyGatewaySignature(headers, signed, this.env.gatewayHmacKeys, this.clock.now()),
  };
}
