import { Inject, Injectable } from '@nestjs/common';
import { tokenEndpointOf } from '../oauth/token-endpoint.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { VerifiedSignatures } from '../platform/verified-signatures.js';
import { PublicKeys } from '../zones/issuers/public-keys.service.js';
import type { TrustedIssuer } from '../zones/issuers/trusted-issuer.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import { verifyWorkloadToken } from '../zones/issuers/verify-issuer-token.js';
import type { AssertingClient } from '../zones/clients/asserting-client.js';
import { verifyClientAssertion, type AssertionNonce } from './client-assertion.js';

/** A presented assertion, and the client that it is for. */
export interface AssertionAttempt {
  readonly assertion: string;
  readonly client: AssertingClient;
  readonly zoneId: string;
  /** The trusted issuers of the zone. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
}

/** Verifies client assertions (RFC 7521 4.2, RFC 7523 2.2). */
@Injectable()
export class ClientAssertions {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly keys: PublicKeys,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Verifies an assertion of a client, or the token of the issuer of its identity.
   *
   * @returns the nonce of an assertion, which may be used once; `null` for a workload's token, which may be used until it expires
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  async verify({
    assertion,
    client,
    zoneId,
    issuers,
  }: AssertionAttempt): Promise<AssertionNonce | null> {
    const { issuerUrl } = this.env;
    const now = this.clock.now() / 1_000;
    const { workloadIdentity, assertionAudience } = client;
    if (workloadIdentity === null) {
      const keys = this.keys.of(zoneId, client);
      if (keys === null) throw new UntrustedToken('unknown_kid');
      return verifyClientAssertion(assertion, {
        clientId: client.id,
        audience: assertionAudience === 'issuer' ? issuerUrl : tokenEndpointOf(issuerUrl),
        keys,
        now,
      });
    }
    const issuer = issuers.get(workloadIdentity.issuer);
    const keys = issuer === undefined ? null : this.keys.of(zoneId, issuer);
    if (issuer === undefined || keys === null) throw new UntrustedToken('unknown_issuer');
    const { subject } = workloadIdentity;
    const { verified } = this;
    const rules = { audience: issuerUrl, subject, clientId: client.id, keys, now, verified };
    await verifyWorkloadToken(assertion, issuer, rules);
    return null;
  }
}
