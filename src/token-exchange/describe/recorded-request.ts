import type { FederatedToken } from '../../authentication/authenticate-client.js';
import { workloadNamedIn } from '../../zones/issuers/issuer-tokens.service.js';
import type { IssuerSubject } from '../../zones/issuers/verify-subject-token.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { Authenticated, Identified } from '../stages/authenticate.js';
import type { LastStage } from './last-stage.js';
import { recordedDetails } from './recorded-details.js';
import type { Authorized } from '../stages/authorize.js';
import { agencyContext } from './agency-claims.js';
import type { Bound } from '../stages/bind.js';
import type { Delegated } from '../stages/delegate.js';
import type { Targeted } from '../stages/target.js';
import type { Cleared } from '../stages/clearance.js';
import type { Parsed } from '../stages/parse.js';
import type { Principals, Resolved } from '../stages/resolve.js';

/** What is recorded of a request, as far as it came: what it asked for, and whose tokens it brought. */
export function recordedRequest(last: NonNullable<LastStage>): Record<string, unknown> {
  if (!('caller' in last)) return describeUnauthenticated(last);
  const { asked, caller } = last;
  return {
    grant_type: asked.grantType,
    client_id: caller.client.id,
    ...describeLifespan(caller),
    ...describeFederated(caller.federated),
    ...(caller.throughGateway ? { through_gateway: true } : {}),
    requested: {
      ...askedTargets(last),
      ...(asked.scope === null ? {} : { scope: asked.scope }),
      ...askedDetails(last),
      ...(asked.ttlSeconds === null ? {} : { ttl_seconds: asked.ttlSeconds }),
      ...askedAgency(last),
      ...askedContext(last),
    },
    ...('principals' in last ? describePrincipals(last.principals) : {}),
  };
}

function describePrincipals({ subject, user, actor }: Principals) {
  return {
    ...(subject === null ? {} : { subject: describeToken(subject) }),
    ...(user === null ? {} : { subject: describeUser(user) }),
    ...(actor === null ? {} : { actor: describeToken(actor) }),
  };
}

/** What the request is for; if it did not name that, what it was taken to be for, and by what. */
function askedTargets(last: Pick<Authenticated, 'asked'> | Pick<Targeted, 'asked' | 'targets'>) {
  if (!('targets' in last)) return { resources: last.asked.targets };
  const { resources, from } = last.targets;
  return { resources, ...(from === 'request' ? {} : { resources_from: from }) };
}

/** The details that were asked for: which types, until it is known what of them may be recorded. */
function askedDetails(
  last: Pick<Authenticated, 'asked'> | Pick<Authorized, 'asked' | 'granted'>,
): Readonly<Record<string, unknown>> {
  if ('granted' in last) return recordedDetails(last.granted.details, last.granted.resources);
  const { details } = last.asked;
  if (details.length === 0) return {};
  return { authorization_details_types: [...new Set(details.map(({ type }) => type))] };
}

/** What the request demands of its subject's authentication, and the challenge that it brings. */
function askedContext(
  last: Authenticated | Resolved | Bound | Delegated | Targeted | Authorized | Cleared,
) {
  const { acrValues, maxAge } = last.asked;
  const challenge = 'challenge' in last ? last.challenge : last.redeemed;
  return {
    ...(acrValues === null ? {} : { acr_values: acrValues }),
    ...(maxAge === null ? {} : { max_age: maxAge }),
    ...(challenge === null || !isUuid(challenge.id) ? {} : { challenge_id: challenge.id }),
  };
}

/** The agent session that was asked for, or that was found to act. */
function askedAgency(last: Pick<Authenticated, 'agent'> | Pick<Delegated, 'agency'>) {
  if ('agency' in last) return agencyContext(last.agency);
  if (last.agent === null) return {};
  const { agentSessionId, delegationEdgeId } = last.agent;
  return {
    ...(isUuid(agentSessionId) ? { agent_session_id: agentSessionId } : {}),
    ...(delegationEdgeId !== null && isUuid(delegationEdgeId)
      ? { delegation_edge_id: delegationEdgeId }
      : {}),
  };
}

/**
 * Describes a request of an unauthenticated client. Little is kept: its event is short however long the
 * request is, and a secret that was typed into the wrong field does not end up here.
 */
function describeUnauthenticated(unproved: Parsed | Identified) {
  const { asked, presented } = unproved;
  const { clientId } = presented.credentials;
  return {
    grant_type: asked.grantType,
    ...(isUuid(clientId) ? { claimed_client_id: clientId } : {}),
    ...claimedIdentity(unproved),
  };
}

/** The most seconds that a mandate for the client lives, if its own settings say so. */
function describeLifespan({ client: { accessTokenLifespan } }: Authenticated['caller']) {
  return typeof accessTokenLifespan === 'number'
    ? { access_token_lifespan: accessTokenLifespan }
    : {};
}

/** Why a client without credentials was believed: whose token named it. */
function describeFederated(token: FederatedToken | undefined) {
  if (token === undefined) return {};
  const { id, issuer, subject, jti } = token;
  return { federated_identity: { id, issuer, subject, ...(jti === null ? {} : { jti }) } };
}

/** Whom a token names of which nothing is verified: what operators compare with what they have registered. */
function claimedIdentity({ presented, ...rest }: Parsed | Identified) {
  const { credentials } = presented;
  const zone = 'zone' in rest ? rest.zone : null;
  if (credentials.method !== 'federated_token' || zone === null) return {};
  const named = workloadNamedIn(credentials.token, zone.issuers);
  return named === null ? {} : { claimed_identity: named };
}

function describeToken({ sub, subIss, subType, jti, sid, rootSid, clientId }: MandateClaims) {
  const issuer = subIss === undefined ? {} : { sub_iss: subIss };
  return { sub, ...issuer, sub_type: subType, jti, sid, root_sid: rootSid, client_id: clientId };
}

/** A user whose token is not ours: its `jti` is the issuer's. */
function describeUser({ sub, issuer, jti }: IssuerSubject) {
  return { sub, sub_iss: issuer, sub_type: 'user', ...(jti === null ? {} : { jti }) };
}
