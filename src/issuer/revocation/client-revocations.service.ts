import { Inject, Injectable } from '@nestjs/common';
import type { EndpointCaller } from '../../authentication/endpoint-callers.service.js';
import type { TakenBack } from '../../ledger/entry.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { Sessions } from '../../ledger/sessions/sessions.service.js';
import { meaningOf, OAuthError, orUnavailable } from '../../oauth/errors.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { newId } from '../../platform/uuid-v7.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { presentedToken, type PresentedMandate, type PresentedToken } from './presented-token.js';
import { readRevocation, type RevocationRequest } from './revocation-request.js';

const TYPE = 'token_revocation';

type Caller = Pick<EndpointCaller, 'client' | 'zone' | 'by' | 'session' | 'form'>;

/** Lets clients give up what was issued to them (RFC 7009). */
@Injectable()
export class ClientRevocations {
  constructor(
    private readonly sessions: Sessions,
    private readonly ledger: Ledger,
    private readonly verified: VerifiedSignatures,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers the revocation request of a client that is believed. When this returns, what was to be revoked is, for every replica, and it is on record; of
   * what the zone does not know there is nothing to revoke and nothing to record.
   *
   * @throws {OAuthError} invalid_request; invalid_grant for a mandate, or a session to be ended with it,
   *   that is another client's; unsupported_token_type for what the zone has signed and is no mandate;
   *   temporarily_unavailable, after which it may have been revoked, and may be asked for again
   */
  async revoke(caller: Caller, requestId: RequestId): Promise<void> {
    try {
      const asked = readRevocation(caller.form);
      const mandate = ownMandate(await this.present(asked.token, caller), caller);
      if (mandate !== null) await this.takeBack(requestId, caller, asked, mandate);
    } catch (error) {
      if (error instanceof OAuthError && meaningOf(error.code) === 'refused') {
        await this.refuse(requestId, caller, error);
      }
      throw error;
    }
  }

  private present(token: string, { zone }: Caller): Promise<PresentedToken> {
    const now = this.clock.now();
    return presentedToken(token, {
      zoneId: zone.zoneId,
      now: now / 1_000,
      findKey: (kid) => zone.keys.findKey(kid, now),
      verified: this.verified,
    });
  }

  private async takeBack(
    requestId: RequestId,
    caller: Caller,
    { cascade }: RevocationRequest,
    mandate: PresentedMandate,
  ): Promise<void> {
    const { jti, sid, rootSid, use } = mandate;
    const ends = cascade === 'token' ? null : cascade === 'session' ? sid : rootSid;
    if (ends !== null) await this.checkOwner(caller, ends);
    const takesBack: TakenBack = { jti, ...(ends === null ? {} : { session_id: ends }) };
    await this.ledger.commit({
      event_id: newId(),
      zone_id: caller.zone.zoneId,
      facts: [],
      takes_back: takesBack,
      event: {
        type: TYPE,
        outcome: 'done',
        ...requestId,
        ...describe(caller),
        cascade,
        revoked_jti: jti,
        revoked: { use, sid, root_sid: rootSid },
        ...(ends === null ? {} : { ended_session_id: ends }),
      },
    });
  }

  /**
   * Checks that a session that is to be ended is the caller's. Who got a mandate in exchange for another client's has
   * that client's session in it, and may give up what it got, but not end what it was got from.
   */
  private async checkOwner({ client, zone }: Caller, sessionId: string): Promise<void> {
    const session = await orUnavailable('session', this.sessions.find(zone.zoneId, sessionId));
    // One that is not there any more has expired.
    if (session === null || session.clientId === client.id) return;
    throw new OAuthError('invalid_grant', 'the session is of another client', {
      detail: `cascade to a session of client ${session.clientId}`,
    });
  }

  private async refuse(
    requestId: RequestId,
    caller: Caller,
    { code, detail }: OAuthError,
  ): Promise<void> {
    await this.ledger.commit({
      event_id: newId(),
      zone_id: caller.zone.zoneId,
      facts: [],
      event: {
        type: TYPE,
        outcome: 'denied',
        ...requestId,
        ...describe(caller),
        error: code,
        reason: detail,
      },
    });
  }
}

/**
 * The mandate that a client has presented, if it is its own.
 *
 * @returns `null` for what the zone knows nothing of
 * @throws {OAuthError} invalid_grant; unsupported_token_type
 */
function ownMandate(presented: PresentedToken, { client }: Caller): PresentedMandate | null {
  switch (presented.kind) {
    case 'nothing':
      return null;
    case 'no mandate':
      throw new OAuthError('unsupported_token_type', 'tokens of this type cannot be revoked');
    case 'mandate':
      break;
  }
  if (presented.clientId === client.id) return presented;
  throw new OAuthError('invalid_grant', 'the token was issued to another client', {
    detail: `a mandate of client ${presented.clientId}: ${presented.jti}`,
  });
}

function describe({ client, by, session }: Caller) {
  return {
    client_id: client.id,
    ...(by === 'gateway' ? { through_gateway: true } : {}),
    ...(session === null ? {} : { bearer: { jti: session.jti, sid: session.sid } }),
  };
}
