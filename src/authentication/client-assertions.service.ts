import { Inject, Injectable } from '@nestjs/common';
import { tokenEndpointOf } from '../oauth/token-endpoint.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { VerifiedSignatures } from '../platform/verified-signatures.js';
import { PublicKeys } from '../zones/issuers/public-keys.service.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import { verifyWorkloadToken } from '../zones/issuers/verify-workload-token.js';
import type { AssertingClient } from '../zones/clients/asserting-client.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { issuersAt } from '../zones/zone-issuer.js';
import { verifyClientAssertion, type AssertionNonce } from './client-assertion.js';

/** A presented assertion, and the client that it is for. */
export interface AssertionAttempt {
  readonly assertion: string;
  readonly client: AssertingClient;
  readonly zone: Pick<ZoneSnapshot, 'zoneId' | 'issuer' | 'formerIssuer' | 'issuers'>;
}

/** Verifies client assertions (RFC 7521 4.2, RFC 7523 2.2). */
@Injectable()
export class ClientAssertions {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly keys: PublicKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Verifies an assertion of a client, or the token of the issuer of its identity.
   *
   * @returns the nonce of an assertion, which may be used once; `null` for a workload's token, which may be used until it expires
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  async verify({ assertion, client, zone }: AssertionAttempt): Promise<AssertionNonce | null> {
    const { zoneId, issuers } = zone;
    const at = this.clock.now();
    const { issuer: current, formerIssuer } = issuersAt(zone, at);
    const ours = formerIssuer === null ? [current] : [current, formerIssuer];
    const now = at / 1_000;
    const { workloadIdentity, assertionAudience } = client;
    if (workloadIdentity === null) {
      const keys = this.keys.of(zoneId, client);
      if (keys === null) throw new UntrustedToken('unknown_kid');
      return verifyClientAssertion(assertion, {
        clientId: client.id,
        audiences: assertionAudience === 'issuer' ? ours : ours.map(tokenEndpointOf),
        keys,
        now,
      });
    }
    const issuer = issuers.get(workloadIdentity.issuer);
    const keys = issuer === undefined ? null : this.keys.of(zoneId, issuer);
    if (issuer === undefined || keys === null) throw new UntrustedToken('unknown_issuer');
    const { subject } = workloadIdentity;
    const { verified } = this;
    const rules = { audiences: ours, subject, clientId: client.id, keys, now, verified };
    await verifyWorkloadToken(assertion, issuer, rules);
    return null;
  }
}
