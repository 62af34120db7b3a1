import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { MandateClaims } from '../mandates/mandate-claims.js';
import { OAuthError, orUnavailable } from '../oauth/errors.js';
import { single, type Form } from '../oauth/form.js';
import type { JsonObject } from '../oauth/strict-json.js';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import type { ClientView } from '../zones/clients/client-view.js';
import type { Basis } from '../zones/snapshot/basis.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { admit } from './admission.js';
import { ClientAuthentication } from './client-authentication.service.js';
import {
  readEndpointRequest,
  type EndpointRequest,
  type EndpointTerms,
} from './endpoint-request.js';
import {
  bearerToken,
  invalidToken,
  SessionBearers,
  STALE,
  type Stale,
} from './session-bearers.service.js';

/** Who calls an endpoint that is not the token endpoint, believed. */
export interface EndpointCaller {
  readonly zone: ZoneSnapshot;
  readonly client: ClientView;
  /** By its own credentials, by the signature of a gateway that speaks for it, or by its session mandate as bearer. */
  readonly by: 'client' | 'gateway' | 'session';
  /** The session mandate, if it is by that: what it is for, and its scope. */
  readonly session: MandateClaims | null;
  /** The parameters of the request; of a JSON body its members that are text. */
  readonly form: Form;
  /** The JSON body, where the endpoint takes one and there is one. */
  readonly json: JsonObject | null;
}

/** How a request is read and counted. */
export interface CallerTerms extends EndpointTerms {
  /**
   * How many requests one counts as against the limits of its client and zone: one, unless this says more, or throws
   * an `OAuthError` for a request that is malformed.
   */
  readonly units?: (request: Pick<EndpointRequest, 'form' | 'json'>) => number;
}

/**
 * Says who calls an endpoint that is not the token endpoint: a client by whatever it is registered for there (RFC 6749
 * 2.3; the same refusals, guess limits and rate limits), a gateway for the client that it names, or a client by a session
 * mandate of its own as bearer (RFC 6750 2.1). Each is looked at as the database has it now: a client that was disabled,
 * or a session that was ended a moment ago, is refused.
 */
@Injectable()
export class EndpointCallers {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly bearers: SessionBearers,
    private readonly snapshots: Snapshots,
    private readonly reads: ZoneReads,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Reads a request, and says who calls.
   *
   * @throws {OAuthError} invalid_client, invalid_token for a bearer, invalid_request, slow_down, temporarily_unavailable
   * @throws {HttpException} 413, 415, 400 for a body that cannot be read
   */
  identify(request: IncomingMessage, terms: CallerTerms): Promise<EndpointCaller> {
    return this.whileCurrent(request, terms, async (caller, basis) =>
      (await orUnavailable('zone', this.snapshots.isCurrent(basis))) ? caller : STALE,
    );
  }

  /**
   * The same for an endpoint that asks the database by a statement of its own: that may then say as well whether the
   * caller is what it was taken for, which saves a round trip.
   *
   * @param run answers the request if `basis` is current, else says that it is stale, and must have left nothing behind;
   *   then the caller is looked at again
   * @throws as {@link identify}; what `run` throws
   */
  async whileCurrent<T>(
    request: IncomingMessage,
    terms: CallerTerms,
    run: (caller: EndpointCaller, basis: Basis) => Promise<T | Stale>,
  ): Promise<T> {
    const read = await readEndpointRequest(request, terms);
    const { form, json } = read;
    const units = terms.units?.(read) ?? 1;
    if (read.authorization.some((value) => /^bearer\b/i.test(value))) {
      if (presentsMore(read)) {
        throw new OAuthError('invalid_request', 'the client authenticates in more than one way');
      }
      return this.bySession(request, read, units, run);
    }
    return this.clients.whileCurrent(read, form, units, (caller, basis) => {
      const { zone, client, throughGateway } = caller;
      const by = throughGateway ? 'gateway' : 'client';
      return run({ zone, client, by, session: null, form, json }, basis);
    });
  }

  private bySession<T>(
    request: IncomingMessage,
    { zoneInPath, inFlight, form, json }: EndpointRequest,
    units: number,
    run: (caller: EndpointCaller, basis: Basis) => Promise<T | Stale>,
  ): Promise<T> {
    let counted = false;
    return this.bearers.whileCurrent(bearerToken(request), async (bearer) => {
      const { zone, claims } = bearer;
      const { zoneId, version } = zone;
      if (zoneInPath !== null && zoneInPath !== zoneId) {
        throw invalidToken('of another zone than the path');
      }
      // It may be said beside it who asks, and then it has to be true.
      if ((single(form, 'client_id') ?? claims.clientId) !== claims.clientId) {
        throw invalidToken('of another client than client_id');
      }
      inFlight.countFor(zoneId, claims.clientId, 'session');
      // A request that is looked at again is still one request.
      if (!counted) await this.bearers.count(bearer, units);
      counted = true;
      const admitted: number | Stale = await orUnavailable(
        'session',
        this.reads.read(zoneId, () => admit(bearer, this.dataSource.manager)),
      );
      if (admitted === STALE) return STALE;
      const found = await orUnavailable(
        'client',
        this.snapshots.findClientIn(zone, claims.clientId),
      );
      if (found === null) throw invalidToken('of a client that is gone');
      const { client, clients } = found;
      const caller = { zone, client, by: 'session' as const, session: claims, form, json };
      const basis = { zoneId, version, clients: clients.seen };
      const result = await run(caller, basis);
      if (result === STALE) await this.snapshots.forget(basis);
      return result;
    });
  }
}

/** Whether there are credentials beside the bearer: two could name two clients. */
function presentsMore({ authorization, gateway, form }: EndpointRequest): boolean {
  return (
    authorization.length > 1 ||
    gateway !== null ||
    ['client_secret', 'client_assertion'].some((name) => form.has(name))
  );
}
