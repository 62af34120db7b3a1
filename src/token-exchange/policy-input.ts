import type { JsonObject } from '../policy/input.js';
import type { PolicyInput } from '../policy/input.js';
import type { MandateClaims } from '../keys/verify-mandate.js';
import type { ResourceView } from '../snapshot/zone-snapshot.js';
import { actorClaim, actorOf } from './actor-chain.js';
import type { Bound } from './bind.js';

/** What policy is asked about one resource: the very input that a simulation takes. */
export function policyInput(
  bound: Bound,
  resource: ResourceView,
  scope: readonly string[],
): PolicyInput {
  const { client, zone, subject, actor, anchor } = bound;
  const chain = subject === null ? undefined : actorOf(subject, actor);
  return {
    schema_version: '1',
    principal: {
      type: 'Application',
      id: client.id,
      zone_id: zone.zoneId,
      registration_method: client.registrationMethod,
      labels: [...client.labels],
    },
    resource: {
      type: 'Resource',
      id: resource.id,
      identifier: resource.identifier,
      scopes: [...resource.scopes],
    },
    action: { id: 'TokenExchange' },
    ...(anchor === null ? {} : { session: { id: anchor.sid } }),
    context: {
      actor_claims: {
        client_id: client.id,
        ...(chain === undefined ? {} : { act: actorClaim(chain) }),
      },
      ...(subject === null ? {} : { subject_claims: subjectClaims(subject) }),
      requested_scopes: [...scope],
      challenge_resolved: false,
      ...(anchor === null ? {} : { session_id: anchor.sid }),
    },
  };
}

function subjectClaims(subject: MandateClaims): JsonObject {
  return {
    sub: subject.sub,
    sub_type: subject.subType,
    client_id: subject.clientId,
    use: subject.use,
    scope: subject.scope.join(' '),
    target: [...subject.target],
    sid: subject.sid,
    root_sid: subject.rootSid,
    iat: subject.iat,
    exp: subject.exp,
  };
}
