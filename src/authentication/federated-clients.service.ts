import { Inject, Injectable } from '@nestjs/common';
import { OAuthError, orUnavailable, unavailable } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import {
  FederatedIdentities,
  type FoundIdentity,
} from '../zones/clients/federated-identities.service.js';
import { IssuerTokens } from '../zones/issuers/issuer-tokens.service.js';
import { KeysUnavailable } from '../zones/issuers/public-key-set.js';
import { UntrustedToken } from '../zones/issuers/untrusted-token.js';
import type { Workload } from '../zones/issuers/verify-workload-token.js';
import { checkClientAllowed } from '../zones/issuers/issuer-claims.js';
import { Snapshots, type ClientInZone } from '../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { isOwnIssuer, issuersAt, type AcceptedIssuers } from '../zones/zone-issuer.js';
import { obstacleOf, type Caller } from './authenticate-client.js';
import type { FederatedCredentials } from './credentials.js';

/** The method that a client is registered with whose workloads' tokens name it. */
export const FEDERATED_IDENTITY = 'federated_identity';

/** Reads of a client that changes all the time. */
const MAX_READS = 3;

/**
 * Authenticates clients by nothing but the token of a workload of a trusted issuer, which is the subject token of the
 * exchange as well (RFC 8693 2.1). The token is verified first, and only then it is looked up whom it names: so a
 * stranger learns nothing about which workloads there are, and has nothing looked up.
 */
@Injectable()
export class FederatedClients {
  constructor(
    private readonly tokens: IssuerTokens,
    private readonly identities: FederatedIdentities,
    private readonly snapshots: Snapshots,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The zone in the path of the request; `null` if there is none. @throws {OAuthError} temporarily_unavailable */
  findZone({ zoneId }: FederatedCredentials): Promise<ZoneSnapshot | null> {
    return orUnavailable(
      'zone',
      isUuid(zoneId) ? this.snapshots.find(zoneId) : Promise.resolve(null),
    );
  }

  /**
   * @param zone what {@link findZone} has found
   * @throws {OAuthError} invalid_request (RFC 8693 2.2.2), in one text for every cause; temporarily_unavailable
   */
  async verify(credentials: FederatedCredentials, zone: ZoneSnapshot | null): Promise<Caller> {
    if (zone === null) throw namesNoClient('unknown zone');
    try {
      return await this.callerOf(credentials, zone);
    } catch (error) {
      if (error instanceof UntrustedToken) throw namesNoClient(error.reason, error);
      if (error instanceof KeysUnavailable) throw unavailable(`subject_token: ${error.message}`);
      throw error;
    }
  }

  private async callerOf(credentials: FederatedCredentials, zone: ZoneSnapshot): Promise<Caller> {
    const { token, clientId: named } = credentials;
    const { zoneId, issuers } = zone;
    const at = this.clock.now();
    const ours = issuersAt(zone, at);
    const now = at / 1_000;
    const { workload, issuer } = await this.tokens.verifyWorkload({
      token,
      zoneId,
      issuers,
      ours,
      now,
    });
    const found = await this.find(workload, zone);
    if (found === null) throw new UntrustedToken('unknown_identity');
    const { client } = found.inZone;
    const obstacle = obstacleFor(found, workload, ours);
    if (obstacle !== null) throw namesNoClient(`${obstacle}: ${client.id}`);
    checkClientAllowed(issuer, client.id);
    if (named !== '' && named !== client.id)
      throw namesNoClient('the request names another client');
    const { issuer: name, subject, exp, jti, authorizationDetails } = workload;
    const { id } = found.identity;
    const federated = { id, issuer: name, subject, exp, jti, authorizationDetails };
    return { ...found.inZone, throughGateway: false, once: null, federated };
  }

  /** The client of a workload, at the version that it had when the workload was looked up. */
  private async find(
    { issuer, subject }: Workload,
    zone: ZoneSnapshot,
  ): Promise<{ readonly identity: FoundIdentity; readonly inZone: ClientInZone } | null> {
    for (let read = 1; read <= MAX_READS; read += 1) {
      const identity = await orUnavailable(
        'federated identity',
        this.identities.find(zone.zoneId, issuer, subject),
      );
      if (identity === null) return null;
      const { clientId, clientVersion } = identity;
      const inZone = await orUnavailable('client', this.snapshots.findClientIn(zone, clientId));
      if (inZone?.client.version === clientVersion) return { identity, inZone };
      // What is in memory is older, or it has just changed.
      const clients = inZone?.clients.seen ?? [{ id: clientId, version: null }];
      await this.snapshots.forget({ zoneId: zone.zoneId, clients });
    }
    throw unavailable('the client changed again while it was read');
  }
}

/** What keeps a workload from being the client. Where no audience is registered, its tokens are for the zone. */
function obstacleFor(
  { identity, inZone: { client } }: { identity: FoundIdentity; inZone: ClientInZone },
  { audience }: Workload,
  ours: AcceptedIssuers,
): string | null {
  const obstacle = obstacleOf(client, FEDERATED_IDENTITY);
  if (obstacle !== null) return obstacle;
  const registered = identity.audience;
  const isMeant = registered === null ? isOwnIssuer(ours, audience) : audience === registered;
  return isMeant ? null : 'wrong_audience';
}

/** One text for every cause: nobody has proved anything. */
function namesNoClient(detail: string, cause?: unknown): OAuthError {
  return new OAuthError(
    'invalid_request',
    'there are no client credentials, and the subject_token names no client of this zone',
    { detail: `subject_token: ${detail}`, cause },
  );
}
