import { Injectable } from '@nestjs/common';
import type { EndpointCaller } from '../../authentication/endpoint-callers.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { newId } from '../../platform/uuid-v7.js';
import type { IntrospectionAnswer } from './introspection-answer.js';
import type { Found, InactiveReason } from './look-at.js';

/** Of one token: what is told of it, and why. */
export interface Told {
  readonly answer: IntrospectionAnswer;
  /** Private: callers are told nothing of why a token is not active. */
  readonly reason: 'live' | InactiveReason;
  readonly found: Found | null;
}

/**
 * Records introspections in zones that want that (`introspection_audit`), one event for each request. The answer waits
 * for it: what a caller was told is on record.
 */
@Injectable()
export class IntrospectionAudit {
  constructor(private readonly ledger: Ledger) {}

  /** @throws {OAuthError} temporarily_unavailable if it cannot be recorded */
  async record(
    { zone, client, by }: EndpointCaller,
    requestId: RequestId,
    told: readonly Told[],
  ): Promise<void> {
    const { zoneId, introspectionAudit: wanted } = zone;
    const recorded = told.filter(
      ({ answer }) => wanted === 'all' || (wanted === 'refused' && !answer.active),
    );
    if (recorded.length === 0) return;
    await this.ledger.commit({
      event_id: newId(),
      zone_id: zoneId,
      facts: [],
      event: {
        ...requestId,
        type: 'introspection',
        outcome: 'done',
        client_id: client.id,
        authenticated_by: by,
        tokens: recorded.map(({ answer, reason, found }) => ({
          active: answer.active,
          reason,
          // What is in a token that was not verified is whatever its caller wants.
          ...(found === null
            ? {}
            : { jti: found.claims.jti, client_id: found.claims.clientId, sid: found.claims.sid }),
        })),
      },
    });
  }
}
