import { instant } from '../../platform/config/clock.js';
import type { DecisionTime, JsonObject, PolicyInput } from '../../policy/engine/input.js';
import type { AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import { resourceInput } from '../../zones/snapshot/resource-input.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
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
 * and one object for all of them, so that it is converted once. Members are in the order of their names, as far as nothing
 * rare is among them: then its canonical text need not sort them.
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
  const context = contextOf(delegated, scope, now, challengeResolved);
  const principal = principalOf(delegated);
  const { caller, anchor, agency } = delegated;
  const bound = {
    ...(anchor === null ? {} : { session: { id: anchor.sid } }),
    ...edgeInput(agency, caller.zone.resources),
  };
  return resources.map((resource) => ({
    action: ACTION,
    context: details.length === 0 ? context : { ...context, ...detailsInput(details, resource) },
    principal,
    resource: resourceInput(resource),
    schema_version: '1',
    ...bound,
  }));
}

const ACTION: PolicyInput['action'] = Object.freeze({ id: 'TokenExchange' });

function principalOf({ caller: { client, zone }, agency }: Delegated): PolicyInput['principal'] {
  return {
    groups: [...client.groups],
    id: client.id,
    labels: agency === null ? [...new Set(client.labels)] : [...agency.labels],
    registration_method: client.registrationMethod,
    type: 'Application',
    zone_id: zone.zoneId,
    ...agentInput(agency),
  };
}

function contextOf(
  { asked, caller, principals, anchor, agency }: Delegated,
  scope: readonly string[],
  now: number,
  challengeResolved: boolean,
): PolicyInput['context'] {
  const { ttlSeconds, upstreamCall } = asked;
  const { client, zone } = caller;
  const { subject, user, act } = principals;
  const context: PolicyInput['context'] = {
    actor_claims: {
      client_id: client.id,
      ...(act === undefined ? {} : { act: actorClaim(act) }),
    },
    challenge_resolved: challengeResolved,
    requested_scopes: [...scope],
  };
  if (anchor !== null) context.session_id = anchor.sid;
  if (subject !== null) context.subject_claims = subjectClaims(subject, zone.issuer);
  if (user !== null) context.subject_claims = describeUser(user);
  if (caller.federated !== undefined) {
    context.subject_claims = describeWorkload(caller.federated, client.id);
  }
  context.time = decisionTime(now);
  if (upstreamCall !== null) {
    context.request_method = upstreamCall.method;
    context.request_path = upstreamCall.path;
  }
  if (ttlSeconds !== null) context.requested_ttl_seconds = ttlSeconds;
  return agency === null ? context : { ...context, ...agencyContext(agency) };
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
    client_id: subject.clientId,
    exp: subject.exp,
    iat: subject.iat,
    // As the zone is called now, also for mandates of the name before: policies know one name.
    iss: subject.subIss ?? ourIssuer,
    root_sid: subject.rootSid,
    scope: subject.scope.join(' '),
    sid: subject.sid,
    sub: subject.sub,
    sub_type: subject.subType,
    target: [...subject.target],
    use: subject.use,
    ...describeSubject(subject),
    ...(subject.act === undefined ? {} : { act: actorClaim(subject.act) }),
    ...subjectAgency(subject.raw),
  };
}
