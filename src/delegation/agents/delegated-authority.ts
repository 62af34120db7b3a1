import type { Constraints, Grant } from '../grant.js';
import { ownAuthority, type Source, type DelegationRequest } from '../narrow.js';
import { grantOf, remainingOn, type Edge, type DelegationRoute } from '../delegation-route.js';
import { OAuthError } from '../../oauth/errors.js';
import { intersect } from '../../oauth/scope.js';
import { Client } from '../../zones/clients/client.entity.js';
import { isForAudience } from '../../zones/clients/client-view.js';
import type { DelegationBody } from './delegation.body.js';
import type { Caller } from './graph.service.js';

/** What a body asks to be delegated. */
export function requestOf(body: DelegationBody): DelegationRequest {
  const { constraints } = body;
  const expiresAt = constraints?.expires_at;
  return {
    scopes: body.scopes,
    resource: body.resource ?? null,
    resources: constraints?.resources ?? null,
    ttlSeconds: constraints?.ttl_seconds ?? null,
    maxHops: constraints?.max_hops ?? null,
    expiresAt: expiresAt === undefined ? null : Math.floor(Date.parse(expiresAt) / 1_000),
    expiresIn: body.expires_in ?? null,
    budget: constraints?.budget ?? null,
    policyApproved: constraints?.policy_approved ?? false,
  };
}

/**
 * What an application can delegate of its own: what its mandate shows that it has, as far as it may have that by now. A
 * delegation has no details, so one of what details confine (RFC 9396) would be good for more than they are.
 *
 * @throws {OAuthError} invalid_grant
 */
export async function ownSource({
  bearer: { claims },
  zoneId,
  clientId,
  tx,
  now,
}: Caller): Promise<Source> {
  if (claims.authorizationDetails !== undefined) {
    throw new OAuthError('invalid_grant', 'what authorization_details confine cannot be delegated');
  }
  const client = await tx.getRepository(Client).findOneByOrFail({ zoneId, id: clientId });
  return ownAuthority(
    client.scopes === null ? claims.scope : intersect(claims.scope, client.scopes),
    claims.target.filter((resource) => isForAudience(client, resource)),
    now,
  );
}

/** What can be handed on of a delegation: a budget only as far as it is not used up. */
export function inheritedSource({ edges }: DelegationRoute, parent: Edge): Source {
  return {
    grant: { ...grantOf(parent), budget: remainingOn(edges) },
    lifetime: parent.expiresAt - parent.createdAt,
    hops: parent.hopCount,
  };
}

/** The way to a source: that of the delegation, and on through sessions below its target. */
export function pathTo({ acting }: DelegationRoute, parent: Edge): readonly string[] {
  const below = acting.path.slice(acting.path.indexOf(parent.targetId) + 1);
  return [...parent.path, ...below];
}

/** The constraints of a grant as they are stored and shown. */
export function constraintsOf(grant: Grant): Constraints {
  return {
    resources: grant.resources,
    ...(grant.ttlSeconds === null ? {} : { ttl_seconds: grant.ttlSeconds }),
    max_hops: grant.maxHops,
    ...(grant.budget === null ? {} : { budget: grant.budget }),
    policy_approved: grant.policyApproved,
  };
}
