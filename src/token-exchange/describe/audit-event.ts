import type { AuditEvent } from '../../ledger/entry.js';
import { generationsClaim } from '../../mandates/generations.js';
import { scopeClaimsIn } from '../../mandates/scope-claims.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { meaningOf, type OAuthError } from '../../oauth/errors.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { actorClaim } from '../stages/actor-chain.js';
import type { LastStage } from './last-stage.js';
import { recordedDecisions } from './recorded-decisions.js';
import { recordedDetails } from './recorded-details.js';
import { PolicyDenial, PolicyUnusable } from '../stages/ask-policy.js';
import type { Stage } from '../stage-names.js';
import { agencyClaims } from './agency-claims.js';
import type { Cleared } from '../stages/clearance.js';
import type { Minted } from '../stages/mint.js';
import { contextClaims } from '../stages/authentication-context.js';
import { recordedRequest } from './recorded-request.js';

const TYPE = 'token_exchange';

/** The audit event of a mandate. It names the token by its `jti` and holds nothing of it. */
export function issuedEvent({ cleared, claims, mandate }: Minted): AuditEvent {
  return {
    type: TYPE,
    outcome: 'issued',
    ...cleared.asked.requestId,
    ...recordedRequest(cleared),
    policy: recordedDecisions(cleared.policy),
    ...describeRedeemed(cleared),
    mandate: {
      jti: claims.jti,
      kid: mandate.kid,
      use: claims.use,
      sub: claims.sub,
      ...(claims.subIss === undefined ? {} : { sub_iss: claims.subIss }),
      aud: claims.aud,
      scope: claims.scope,
      ...recordedDetails(cleared.granted.details, cleared.granted.resources),
      target: claims.target,
      iat: claims.iat,
      exp: claims.exp,
      sid: claims.sid,
      root_sid: claims.rootSid,
      ...(claims.act === undefined ? {} : { act: actorClaim(claims.act) }),
      ...(claims.ancestors.length === 0 ? {} : { ancestors: claims.ancestors }),
      ...agencyClaims(cleared.agency),
      ...recordedClaims(claims),
      ...recordedGenerations(claims),
      ...contextClaims(cleared.authenticationContext),
    },
  };
}

/** The names of the claims that scopes have let in, and not what they say: that is the user's own. */
function recordedClaims({ raw }: MandateClaims) {
  const names = Object.keys(scopeClaimsIn(raw));
  return names.length === 0 ? {} : { claims: names };
}

/** The generations that a mandate says; none where all are 0. The policies are with the decisions. */
function recordedGenerations({ generations }: MandateClaims) {
  const gen = generationsClaim(generations);
  return gen === undefined ? {} : { gen };
}

/** The challenge that the mandate was issued on. */
function describeRedeemed({ redeemed }: Cleared) {
  if (redeemed === null) return {};
  const { id, type, binding } = redeemed;
  return { challenge: { id, type, binding } };
}

/**
 * The audit event of a refusal: what was asked, how far it came, and precisely why not.
 *
 * @param stage the one that the request did not pass; `null` if what was found out of it need not be so any more
 */
export function refusedEvent(
  requestId: RequestId,
  last: LastStage,
  error: OAuthError,
  stage: Stage | null,
): AuditEvent {
  return {
    type: TYPE,
    outcome: meaningOf(error.code) === 'failed' ? 'failed' : 'denied',
    ...requestId,
    error: error.code,
    reason: error.detail,
    ...(stage === null ? {} : { stage }),
    ...(last === null ? {} : recordedRequest(last)),
    ...askedPolicy(last, error),
  };
}

/** The decisions of policy, or the set that could not be used, if the request came so far. */
function askedPolicy(last: LastStage, error: OAuthError) {
  if (error instanceof PolicyDenial) return { policy: recordedDecisions(error.policy) };
  if (error instanceof PolicyUnusable) {
    return { policy: { policy_set_version_id: error.setVersionId } };
  }
  if (last === null || !('policy' in last)) return {};
  return { policy: recordedDecisions(last.policy) };
}
