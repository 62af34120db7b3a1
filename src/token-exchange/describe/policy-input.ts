import { instant } from '../../platform/config/clock.js';
import type { DecisionTime, JsonObject, PolicyInput } from '../../policy/engine/input.js';
import type { AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import { resourceInput } from '../../zones/snapshot/resource-input.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import type { MandateClaims } from '../../mandates/verify-mandate.js';
import { detailsInput } from './details-input.js';
import { agencyContext, agentInput, edgeInput, subjectAgency } from './agency-claims.js';
import { actorClaim } from '../stages/actor-chain.js';
import type { Delegated } from '../stages/delegate.js';
import { describeSubject, describeUser, describeWorkload } from './principal.js';

/** What would be granted if policy permits it. */
interface WouldBeGranted {
  readonly resources: readonly ResourceView[];
  readonly scope: readonly string[];
  readonly details: readonly AuthorizationDetail[];
}

/**
 * What policy is asked about each resource: the very inputs that a simulation takes. All but the resource is the same,
 * and one object for all of them, so that it is converted once.
 *
 * @param now milliseconds since the epoch
 * @param challengeResolved whether what a step-up demands has been shown
 */
export function policyInputs(
  delegated: Delegated,
  { resources, scope, details }: WouldBeGranted,
  now: number,
  challengeResolved: boolean,
): PolicyInput[] {
  const shared = sharedInput(delegated, scope, now, challengeResolved);
  return resources.map((resource) => ({
    ...shared,
    ...(details.length === 0
      ? {}
      : {
          context: {
            ...shared.context,
            ...detailsInput(details, resource),
          },
        }),
    resource: resourceInput(resource),
  }));
}

function sharedInput(
  delegated: Delegated,
  scope: readonly string[],
  now: number,
  challengeResolved: boolean,
): Omit<PolicyInput, 'resource'> {
  const { asked, caller, principals, anchor, agency } = delegated;
  const { ttlSeconds, upstreamCall } = asked;
  const { client, zone } = caller;
  const { subject, user, act } = principals;
  return {
    schema_version: '1',
    principal: {
      type: 'Application',
      id: client.id,
      zone_id: zone.zoneId,
      registration_method: client.registrationMethod,
      ...agentInput(agency, client),
      groups: [...client.groups],
    },
    action: { id: 'TokenExchange' },
    ...(anchor === null ? {} : { session: { id: anchor.sid } }),
    ...edgeInput(agency, zone.resources),
    context: {
      actor_claims: {
        client_id: client.id,
        ...(act === undefined ? {} : { act: actorClaim(act) }),
      },
      ...(subject === null ? {} : { subject_claims: subjectClaims(subject, zone.issuer) }),
      ...(user === null ? {} : { subject_claims: describeUser(user) }),
      ...(caller.federated === undefined
        ? {}
        : { subject_claims: describeWorkload(caller.federated, client.id) }),
      requested_scopes: [...scope],
      challenge_resolved: challengeResolved,
      ...(upstreamCall === null
        ? {}
        : { request_method: upstreamCall.method, request_path: upstreamCall.path }),
      ...(ttlSeconds === null ? {} : { requested_ttl_seconds: ttlSeconds }),
      time: decisionTime(now),
      ...(anchor === null ? {} : { session_id: anchor.sid }),
      ...agencyContext(agency),
    },
  };
}

function decisionTime(now: number): DecisionTime {
  const at = instant(now);
  return {
    epoch: Math.floor(now / 1_000),
    hour: at.getUTCHours(),
    minute: at.getUTCMinutes(),
    // JavaScript counts from Sunday, ISO 8601 from Monday.
    weekday: at.getUTCDay() === 0 ? 7 : at.getUTCDay(),
  };
}

function subjectClaims(subject: MandateClaims, ourIssuer: string): JsonObject {
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
    // Not in front: what is named behind a spread costs twenty times as much.
    ...describeSubject(subject, ourIssuer),
    ...(subject.act === undefined ? {} : { act: actorClaim(subject.act) }),
    ...subjectAgency(subject.raw),
  };
}
