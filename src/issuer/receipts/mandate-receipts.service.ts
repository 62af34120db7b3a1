import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { JWK } from 'jose';
import type { DataSource } from 'typeorm';
import {
  EndpointCallers,
  type EndpointCaller,
} from '../../authentication/endpoint-callers.service.js';
import { readEndpointRequest } from '../../authentication/endpoint-request.js';
import { limitRequests } from '../../authentication/limit.js';
import { RequestLimits } from '../../authentication/request-limits.service.js';
import type { Missing } from '../../evidence/evidence.service.js';
import { Receipts, type ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { importPublicKey } from '../../keys/signing/key-pair.js';
import type { VerificationKey } from '../../mandates/verify-mandate.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { single } from '../../oauth/form.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { knownOf } from './known-of-mandate.js';
import {
  isEventOf,
  readPresented,
  verifyPresented,
  type PresentedMandate,
} from './presented-mandate.js';

/** Whatever is in it, a mandate is one or none. */
const OPAQUE = new Set(['mandate']);

/** Hands out receipts of mandates: to the clients that they concern, and to whoever has the mandate itself. */
@Injectable()
export class MandateReceipts {
  constructor(
    private readonly callers: EndpointCallers,
    private readonly limits: RequestLimits,
    private readonly snapshots: Snapshots,
    private readonly receipts: Receipts,
    private readonly reads: ZoneReads,
    private readonly verified: VerifiedSignatures,
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * For the client that a mandate was issued to, and for the owners of its resources.
   *
   * @throws {OAuthError} invalid_client, invalid_token for a bearer, invalid_request, slow_down, temporarily_unavailable
   */
  async forClient(
    request: IncomingMessage,
    zoneInPath: string | null,
    jti: string,
  ): Promise<ReceiptSet | Missing> {
    const caller = await this.callers.identify(request, { zoneInPath, body: 'none' });
    const { zone, client }: Pick<EndpointCaller, 'zone' | 'client'> = caller;
    const look = (event: JsonObject) => knownOf(event, client.id, zone.resources);
    const reading = () => this.receipts.ofMandate(zone.zoneId, jti.toLowerCase(), look);
    return orUnavailable('receipt', this.reads.read(zone.zoneId, reading));
  }

  /**
   * For whoever presents the mandate, which may have expired or been taken back.
   *
   * @throws {OAuthError} invalid_request, slow_down, temporarily_unavailable
   * @throws {HttpException} 413, 415, 400 for a body that cannot be read
   */
  async forBearer(
    request: IncomingMessage,
    zoneInPath: string | null,
  ): Promise<ReceiptSet | Missing> {
    const terms = { zoneInPath, body: 'form or json', opaque: OPAQUE } as const;
    const { form, inFlight } = await readEndpointRequest(request, terms);
    const token = single(form, 'mandate');
    if (token === null) throw new OAuthError('invalid_request', 'mandate is missing');
    const presented = readPresented(token);
    if (presented === null || (zoneInPath ?? presented.zoneId) !== presented.zoneId) {
      return 'unknown';
    }
    const zone = await orUnavailable('zone', this.snapshots.find(presented.zoneId));
    const key = zone === null ? null : await this.keyOf(zone, presented.kid);
    const mandate =
      zone === null || key === null ? null : await verifyPresented(presented, key, this.verified);
    if (zone === null || mandate === null) return 'unknown';
    return this.ofPresented(zone, mandate, inFlight);
  }

  private async ofPresented(
    zone: ZoneSnapshot,
    mandate: PresentedMandate,
    inFlight: Awaited<ReturnType<typeof readEndpointRequest>>['inFlight'],
  ): Promise<ReceiptSet | Missing> {
    const { jti, clientId } = mandate;
    // Whoever presents it may be anybody: that it is of the client proves nothing of who asks.
    inFlight.noteClaim(zone.zoneId, clientId);
    await limitRequests({ zone, client: { id: clientId } }, this.limits.ofPresented);
    const look = (event: JsonObject) => (isEventOf(event, mandate) ? 'all' : 'nothing');
    return this.readForBearer(zone, 'receipt', () =>
      this.receipts.ofMandate(zone.zoneId, jti, look),
    );
  }

  /** Reads for who presents a mandate of a zone: what the zone reads for its clients does not wait for that. */
  private readForBearer<T>(
    { zoneId }: Pick<ZoneSnapshot, 'zoneId'>,
    what: string,
    reading: () => Promise<T>,
  ): Promise<T> {
    return orUnavailable(what, this.reads.read(zoneId, reading, `presented ${zoneId}`));
  }

  /** The key of a zone: a published one, or one of before that nobody has withdrawn. */
  private async keyOf(zone: ZoneSnapshot, kid: string): Promise<VerificationKey | null> {
    const published = zone.keys.findKey(kid, this.clock.now());
    if (published !== null) return published;
    const reading = () =>
      this.dataSource.query<{ alg: ZoneAlg; jwk: JWK }[]>(RETIRED, [zone.zoneId, kid]);
    const [row] = await this.readForBearer(zone, 'key', reading);
    return row === undefined
      ? null
      : { kid, alg: row.alg, publicKey: importPublicKey(row.jwk, row.alg) };
  }
}

const RETIRED = `SELECT alg, public_jwk AS jwk FROM signing_keys
  WHERE zone_id = $1 AND kid = $2 AND compromised_at IS NULL`;
