import {
  isProblem,
  NO_DETAILS,
  type AuthorizationDetail,
} from '../../oauth/authorization-details/detail.js';
import { grantDetails } from '../../oauth/authorization-details/grant.js';
import { OAuthError } from '../../oauth/errors.js';
import { intersect, isSubset } from '../../oauth/scope.js';
import { isForClient } from '../../zones/system-resources.js';
import { isForAudience } from '../../zones/clients/client-view.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import { wrongDetails } from './parse.js';
import type { Targeted, Targets } from './target.js';
import { scopeOf } from './upstream-call.js';

/** What is granted, once nothing is owed. */
export interface Granted {
  readonly resources: readonly ResourceView[];
  /** The identifiers of these. */
  readonly targets: readonly string[];
  readonly scope: readonly string[];
  /** What exactly (RFC 9396); none where the scope says all. */
  readonly details: readonly AuthorizationDetail[];
}

/**
 * Narrows a request to what its subject, its client, its delegation and its resources allow. Policy is asked about what is
 * left.
 *
 * @throws {OAuthError} invalid_target, invalid_scope, invalid_authorization_details; access_denied for an operation that a
 *   gateway may not do
 */
export function narrow(targeted: Targeted): Granted {
  const { targets } = targeted;
  const resources = targets.resources.map((target) => findResource(targeted, target));
  checkTyps(targeted, resources);
  const scope = narrowScope(targeted, resources);
  checkOperations(targeted, resources, scope);
  const details = narrowDetails(targeted, resources, scope);
  return { resources, targets: targets.resources, scope, details };
}

/**
 * A resource that declares its operations is used through a gateway for these only, each with its
 * scope. Policy can narrow that further, never widen it.
 *
 * @throws {OAuthError} access_denied
 */
function checkOperations(
  { asked: { upstreamCall }, caller: { throughGateway } }: Targeted,
  resources: readonly ResourceView[],
  scope: readonly string[],
): void {
  if (!throughGateway) return;
  for (const { operations, identifier } of resources) {
    if (operations.length === 0) continue;
    const needed = upstreamCall === null ? null : scopeOf(upstreamCall, operations);
    if (needed !== null && scope.includes(needed)) continue;
    throw new OAuthError('access_denied', 'the operation is not permitted', {
      detail: `${needed === null ? 'undeclared operation' : `no scope ${needed}`}: ${identifier}`,
    });
  }
}

/**
 * A mandate has one `typ`. Where its resources take different ones, some of them would refuse it, and none would say why.
 *
 * @throws {OAuthError} invalid_target
 */
function checkTyps({ principals: { use } }: Targeted, resources: readonly ResourceView[]): void {
  // A session mandate is taken by us.
  if (use === 'session') return;
  const typs = new Set(resources.map(({ tokenTyp }) => tokenTyp));
  if (typs.size < 2) return;
  throw new OAuthError(
    'invalid_target',
    'the resources take mandates of different types; ask for them apart',
    {
      detail: resources.map(({ identifier, tokenTyp }) => `${tokenTyp}: ${identifier}`).join(', '),
    },
  );
}

function findResource({ agency, caller, principals, targets }: Targeted, target: string) {
  const { zone, throughGateway } = caller;
  const { subject, use, onBehalfOf } = principals;
  const resource = zone.resources.get(target);
  // Before one that an operator may have registered under its name.
  const system = zone.systemResources.all.get(target);
  const refuse = (detail: string): OAuthError =>
    new OAuthError('invalid_target', `${WHICH[targets.from]} is unknown or not available`, {
      detail: `${detail}: ${target}`,
    });
  if (system !== undefined) {
    const own = use === 'session' && agency === null;
    if (!own || !isForClient(zone.systemResources, target, caller.client)) {
      throw refuse('a system resource that is not for this client, or not by its own session');
    }
    return system;
  }
  if (resource === undefined) throw refuse('unknown resource');
  // A session mandate is for us, so it may aim at what only a gateway can then have minted.
  if (resource.access === 'gateway' && use === 'resource' && !throughGateway) {
    throw refuse('resource is for gateways only');
  }
  if (subject !== null && !onBehalfOf && !subject.target.includes(target)) {
    throw refuse('beyond the subject token');
  }
  if (!isForAudience(caller.client, target)) throw refuse('beyond the audience of the client');
  const edge = agency?.edge ?? null;
  if (edge !== null && !edge.constraints.resources.includes(target)) {
    throw refuse('beyond the delegation');
  }
  return resource;
}

/** What a caller is told which resource is meant, who may not have named any. */
const WHICH: Readonly<Record<Targets['from'], string>> = {
  request: 'a resource',
  scope: 'the resource of the scope',
  client: 'a default resource of the client',
  zone: 'a default resource of the zone',
  subject_token: 'a resource of the subject_token',
};

/**
 * One rule for every exchange: a scope is granted only if everything involved allows it. On behalf of
 * the subject the scopes of another resource are for policy to allow, since the subject's token knows
 * nothing of them.
 */
function narrowScope(
  {
    asked: { scope },
    caller: { client, zone },
    principals: { subject, onBehalfOf },
    agency,
  }: Targeted,
  resources: readonly ResourceView[],
): readonly string[] {
  const edgeScopes = agency?.edge?.scopes;
  // What the zone itself is asked for is for other settings of the client to allow.
  const system = resources.every(({ identifier }) => zone.systemResources.all.has(identifier));
  const allowed = [
    ...resources.map((resource) => resource.scopes),
    ...(edgeScopes === undefined ? [] : [edgeScopes]),
    ...(client.scopes === null || system ? [] : [client.scopes]),
  ];
  // Without a subject token of ours there is nothing to inherit, so silence asks for nothing.
  if (scope === null) return subject === null ? [] : intersect(subject.scope, ...allowed);
  const elsewhere =
    onBehalfOf && resources.every(({ identifier }) => !subject?.target.includes(identifier));
  const ceilings = subject === null || elsewhere ? allowed : [subject.scope, ...allowed];
  if (ceilings.every((ceiling) => isSubset(scope, ceiling))) return scope;
  throw new OAuthError('invalid_scope', 'the scope is more than what is available', {
    detail: 'scope beyond the subject token, the delegation, a resource or the client',
  });
}

/**
 * The details that are granted: what the request names, within what the subject token carries, and what of that it does not
 * name. What a token of another issuer carries counts like what one of ours does.
 */
function narrowDetails(
  { asked: { details: asked }, caller, principals: { subject, user } }: Targeted,
  resources: readonly ResourceView[],
  scope: readonly string[],
): readonly AuthorizationDetail[] {
  const presented =
    subject?.authorizationDetails ??
    user?.authorizationDetails ??
    caller.federated?.authorizationDetails ??
    NO_DETAILS;
  if (asked.length === 0 && presented.length === 0) return NO_DETAILS;
  const granted = grantDetails({ asked, presented, targets: resources, scope });
  if (isProblem(granted)) throw wrongDetails(granted.problem);
  return granted;
}
