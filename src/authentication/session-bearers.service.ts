import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { InvalidToken } from '../mandates/invalid-token.js';
import type { MandateClaims } from '../mandates/mandate-claims.js';
import { verifyMandate } from '../mandates/verify-mandate.js';
import { MalformedToken, parseCompactJws } from '../oauth/compact-jws.js';
import {
  bearerChallenge,
  insufficientScope,
  wrongBearer,
} from '../platform/http/bearer-challenge.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { VerifiedSignatures } from '../platform/verified-signatures.js';
import { isUuid } from '../oauth/vocabulary.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { limitRequests } from './limit.js';
import { RequestLimits } from './request-limits.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { issuersAt } from '../zones/zone-issuer.js';

const REALM = 'mandate';

/** How often a request is looked at before a zone that keeps changing makes us give up. */
const MAX_ATTEMPTS = 5;

/** What work for a bearer comes to if the zone has changed since: the bearer has to be verified again. */
export const STALE = Symbol('stale');

/** See {@link STALE}. */
export type Stale = typeof STALE;

/** An application with a verified session mandate. Whether that is still alive the database says. */
export interface Bearer {
  /** The zone as it was when the mandate was verified. */
  readonly zone: ZoneSnapshot;
  readonly claims: MandateClaims;
  /** The key that the mandate is signed with. */
  readonly kid: string;
}

/** Verifies session mandates presented as bearer tokens (RFC 6750), as strictly as the token endpoint does. */
@Injectable()
export class SessionBearers {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly snapshots: Snapshots,
    private readonly limits: RequestLimits,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Verifies a session mandate.
   *
   * @throws {OAuthError} invalid_token
   * @throws the driver's error if the zone cannot be read
   */
  async verify(token: string): Promise<Bearer> {
    const zone = await this.zoneOf(token);
    try {
      return await this.verifyIn(zone, token);
    } catch (error) {
      const basis = { zoneId: zone.zoneId, version: zone.version };
      if (!(error instanceof OAuthError) || (await this.snapshots.isCurrent(basis))) throw error;
      // What is in memory is old: the token may be signed with a key that is newer.
      await this.snapshots.forget(basis);
      return this.verifyIn(await this.zoneOf(token), token);
    }
  }

  /**
   * Counts a request of a bearer against the limits of its client and zone, as the token endpoint does.
   *
   * @param units how many requests it counts as
   * @throws {OAuthError} slow_down
   */
  count({ zone, claims }: Bearer, units = 1): Promise<void> {
    return limitRequests({ zone, client: { id: claims.clientId } }, this.limits, units);
  }

  /**
   * Does something for a bearer, as it is verified in the zone of today: if the zone turns out to have
   * changed, it is verified again.
   *
   * @param run does it, or finds that the zone has changed, and then must have left nothing behind
   * @throws {OAuthError} invalid_token; temporarily_unavailable if the zone goes on changing; what `run` throws
   */
  async whileCurrent<T>(token: string, run: (bearer: Bearer) => Promise<T | Stale>): Promise<T> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const bearer = await this.verify(token);
      const result = await run(bearer);
      if (result !== STALE) return result;
      const { zoneId, version } = bearer.zone;
      await this.snapshots.forget({ zoneId, version });
    }
    throw unavailable('the zone changed again while the request was looked at');
  }

  /**
   * Verifies another mandate of the zone of a bearer, of whatever class. Whether any of it was taken back the database
   * says (`taken_back`).
   *
   * @throws {InvalidToken}
   */
  async verifyBeside({ zone }: Bearer, token: string): Promise<MandateClaims> {
    return (await this.claimsIn(zone, token)).claims;
  }

  private async verifyIn(zone: ZoneSnapshot, token: string): Promise<Bearer> {
    try {
      const { claims, kid } = await this.claimsIn(zone, token);
      return { zone, claims: ownSession(claims), kid };
    } catch (error) {
      throw error instanceof InvalidToken ? invalidToken(error.reason, error) : error;
    }
  }

  private async claimsIn(zone: ZoneSnapshot, token: string) {
    const now = this.clock.now();
    let signedWith = '';
    const claims = await verifyMandate(token, {
      ...issuersAt(zone, now),
      zoneId: zone.zoneId,
      now: now / 1_000,
      findKey: (kid) => {
        signedWith = kid;
        return zone.keys.findKey(kid, now);
      },
      verified: this.verified,
    });
    return { claims, kid: signedWith };
  }

  /** The zone that a token names. Only the zone's key can show that it is true. */
  private async zoneOf(token: string): Promise<ZoneSnapshot> {
    try {
      const { zone_id: zoneId } = parseCompactJws(token).claims;
      const known = typeof zoneId === 'string' && isUuid(zoneId);
      const zone = known ? await this.snapshots.find(zoneId) : null;
      if (zone !== null) return zone;
    } catch (error) {
      throw error instanceof MalformedToken ? invalidToken(error.reason, error) : error;
    }
    throw invalidToken('of no zone');
  }
}

/**
 * The claims of an application's own session mandate. What is delegated is exchanged, and not used to
 * delegate by: an application that has received something hands it on with a session mandate of its own,
 * from the agent session that received it.
 *
 * @throws {OAuthError} invalid_token for any other mandate
 */
function ownSession(claims: MandateClaims): MandateClaims {
  if (claims.use !== 'session') throw invalidToken('not a session mandate');
  if (
    claims.sub !== claims.clientId ||
    claims.subType !== 'application' ||
    claims.act !== undefined
  ) {
    throw invalidToken("not the application's own session mandate");
  }
  if (claims.raw['agent_session_id'] !== undefined) throw invalidToken('of an agent session');
  return claims;
}

/**
 * The bearer token of a request (RFC 6750 2.1).
 *
 * @throws {OAuthError} invalid_token
 */
export function bearerToken(request: IncomingMessage): string {
  const [header, ...more] = request.headersDistinct['authorization'] ?? [];
  const token = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header ?? '')?.[1];
  if (token === undefined || more.length > 0) {
    throw new OAuthError('invalid_token', 'a session mandate is required as bearer', {
      wwwAuthenticate: bearerChallenge(request, REALM),
    });
  }
  return token;
}

/** The error for a bearer that lacks a scope (RFC 6750 3.1). */
export function lacksScope(scope: string): OAuthError {
  return new OAuthError('insufficient_scope', `the scope ${scope} is required`, {
    wwwAuthenticate: insufficientScope(REALM, scope),
  });
}

/** The error for a bearer that is not usable: one text for every cause. */
export function invalidToken(detail: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_token', 'the bearer is not a usable session mandate', {
    detail: `bearer: ${detail}`,
    wwwAuthenticate: wrongBearer(REALM),
    ...(cause === undefined ? {} : { cause }),
  });
}
