import { generationsClaim } from '../../mandates/generations.js';
import canonicalize from 'canonicalize';
import { placesOf, typeAt } from '../../oauth/authorization-details/grant.js';
import { detailInWords } from '../../oauth/authorization-details/words.js';
import type { HeldRequest } from '../../step-up/challenge.js';
import { generationsOf } from './issued-generations.js';
import { actorClaim, clientsIn } from '../stages/actor-chain.js';
import { contextSubject } from '../stages/authentication-context.js';
import type { Authorized } from '../stages/authorize.js';
import type { Granted } from '../stages/narrow.js';
import type { Demand } from '../stages/demand.js';
import { lifetimeAsked } from '../stages/lifetimes.js';

/**
 * Everything that a confirmation of a request is about. A request that redeems the challenge must be
 * described by the same.
 *
 * @param type of the challenge
 */
export function heldRequest(authorized: Authorized, demand: Demand, type: string): HeldRequest {
  const { asked, caller, principals, policy, granted, anchor, agency } = authorized;
  const { upstreamCall } = asked;
  const { zone, client, throughGateway } = caller;
  const { subject, user, act, use } = principals;
  const { sub, issuer } = contextSubject(authorized);
  const edge = agency?.edge ?? null;
  const gen = generationsClaim(generationsOf(authorized));
  return {
    zone_id: zone.zoneId,
    type,
    demanded_for: demand.resources,
    policy_set_version_id: policy.setVersionId,
    ...(demand.acrValues === null ? {} : { acr_values: demand.acrValues.toSorted() }),
    ...(demand.maxAge === null ? {} : { max_age: demand.maxAge }),
    client_id: client.id,
    subject: {
      sub,
      type: user === null ? (subject?.subType ?? 'application') : 'user',
      ...(issuer === null ? {} : { iss: issuer }),
    },
    ...(subject === null || subject.clientId === client.id
      ? {}
      : { subject_client_id: subject.clientId }),
    ...(act === undefined ? {} : { act: actorClaim(act) }),
    ...(anchor === null ? {} : { session_id: anchor.sid }),
    ...(agency === null ? {} : { agent_session_id: agency.acting.id }),
    ...(edge === null ? {} : { delegation_edge_id: edge.id }),
    use,
    ...(throughGateway ? { through_gateway: true } : {}),
    ...(upstreamCall === null
      ? {}
      : { operation: { method: upstreamCall.method, path: upstreamCall.path } }),
    resources: granted.targets.toSorted(),
    scopes: granted.scope.toSorted(),
    ...describeDetails(granted),
    max_lifetime_seconds: lifetimeAsked(authorized),
    ...(gen === undefined ? {} : { gen }),
  };
}

/** What exactly is asked for, and the same in words: of each resource that has other words, all of them. */
function describeDetails({
  details,
  resources,
}: Granted): Pick<HeldRequest, 'authorization_details' | 'authorization_details_display'> {
  if (details.length === 0) return {};
  const inOrder = details
    .map((detail) => ({ detail, text: canonicalize(detail) ?? '' }))
    .toSorted((one, other) => (one.text < other.text ? -1 : 1))
    .map(({ detail }) => detail);
  return {
    authorization_details: inOrder,
    authorization_details_display: inOrder.map((detail) => {
      const places = placesOf(detail, resources);
      const words = places.map((place) => detailInWords(detail, typeAt(place, detail)));
      return words.length === 0 ? detail.type : [...new Set(words)].join(' / ');
    }),
  };
}

/** Clients in the chain that asks, without the client that asks and the subject, which have rules of their own. */
export function clientsInvolved({ caller, principals, agency }: Authorized): string[] {
  const { subject, actor, act } = principals;
  const involved = new Set<string>(clientsIn(act));
  if (actor !== null) involved.add(actor.clientId);
  if (subject !== null && subject.clientId !== subject.sub) involved.add(subject.clientId);
  for (const { issuerClientId, receiverClientId } of agency?.edges ?? []) {
    involved.add(issuerClientId).add(receiverClientId);
  }
  involved.delete(caller.client.id);
  return [...involved];
}
