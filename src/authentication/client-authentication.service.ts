import { Inject, Injectable } from '@nestjs/common';
import { orUnavailable } from '../oauth/errors.js';
import { single, type Form } from '../oauth/form.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import {
  authenticateClient,
  findClaimed,
  type Caller,
  type ClaimedClient,
  type CredentialChecks,
  type PresentedCredentials,
} from './authenticate.js';
import { ClientAssertions } from './client-assertions.service.js';
import { readCredentials, type CredentialedRequest, type Credentials } from './credentials.js';
import { verifyGatewaySignature } from './gateway-signature.js';
import { limitRequests } from './limit.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';

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
    private readonly limits: RequestLimits,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Authenticates the client of a request and counts the request against its limits: {@link identify},
   * {@link verify} and {@link countOnce} in one, for endpoints that do nothing in between.
   *
   * @param source the caller's address
   * @throws {OAuthError} invalid_request, invalid_client, slow_down, temporarily_unavailable
   */
  async authenticate(request: CredentialedRequest, source: string, form: Form): Promise<Caller> {
    const credentials = readCredentials(request, form);
    const claimed = await this.identify(credentials);
    const presented = { credentials, source, zoneId: single(form, 'zone_id') };
    const caller = await this.verify(presented, claimed);
    await this.countOnce()(caller);
    return caller;
  }

  /**
   * Finds the client that credentials name, and its zone. Nothing is proved by that.
   *
   * @returns `null` for a client that does not exist
   * @throws {OAuthError} temporarily_unavailable
   */
  identify(credentials: Credentials): Promise<ClaimedClient | null> {
    return findClaimed(credentials, {
      findByClient: (clientId) => orUnavailable('zone', this.snapshots.findByClient(clientId)),
    });
  }

  /**
   * Checks credentials.
   *
   * @param claimed what {@link identify} has found
   * @throws {OAuthError} invalid_client; slow_down after too many wrong guesses; temporarily_unavailable
   */
  verify(presented: PresentedCredentials, claimed: ClaimedClient | null): Promise<Caller> {
    return authenticateClient(presented, claimed, this.checks);
  }

  /**
   * Counts one request against the limits of its client and zone, however often the result is called: a
   * request that is evaluated again is still one request.
   *
   * @returns throws slow_down (OAuthError) if there have been too many
   */
  countOnce(): (caller: Pick<Caller, 'zone' | 'client'>) => Promise<void> {
    let counted: Promise<number | null> | undefined;
    const count = (zoneId: string, clientId: string) =>
      (counted ??= this.limits.count(zoneId, clientId));
    return (caller) => limitRequests(caller, { count });
  }

  private readonly checks: CredentialChecks = {
    secret: (attempt) => this.secrets.verify(attempt),
    assertion: (attempt) => this.assertions.verify(attempt),
    gateway: (headers, signed) =>
      verifyGatewaySignature(headers, signed, this.env.gatewayHmacKey ?? null, this.clock.now()),
  };
}
