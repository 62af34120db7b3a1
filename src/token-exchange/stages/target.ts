import { OAuthError } from '../../oauth/errors.js';
import { isSubset } from '../../oauth/scope.js';
import { isForAudience } from '../../zones/clients/client-view.js';
import { systemResourceOf } from '../../zones/system-resources.js';
import type { Delegated } from './delegate.js';

/** What a request is for, and what says so: the request itself, or for one that names no resource something set before. */
export interface Targets {
  /** Identifiers, each once; at least one. */
  readonly resources: readonly string[];
  readonly from: 'request' | 'scope' | 'client' | 'zone' | 'subject_token';
}

/** A request of which is known what it is for. */
export interface Targeted extends Delegated {
  readonly targets: Targets;
}

/**
 * Stage 4c: finds what a request is for that names no resource (RFC 8707 2): the system resource that every scope is of
 * which a client asks for itself; what is set for its client, else for its zone, else what its subject token is for, where
 * that is narrowed. Each only as far as the client's own settings, that token and the delegation
 * go, as the client could have asked itself, and the first of which anything is left. What is found is checked in
 * stage 5 as if it had been named.
 *
 * @throws {OAuthError} invalid_target if there is nothing
 */
export function target(delegated: Delegated): Targeted {
  const { asked, challenge, caller, principals, anchor, agency, actingAgent } = delegated;
  const targets: Targets =
    asked.targets.length > 0
      ? { resources: asked.targets, from: 'request' }
      : defaultTargets(delegated);
  return { asked, challenge, caller, principals, anchor, agency, actingAgent, targets };
}

function defaultTargets(delegated: Delegated): Targets {
  const { client, zone } = delegated.caller;
  const { subject, onBehalfOf, use } = delegated.principals;
  const system =
    use === 'session' && delegated.agency === null
      ? systemResourceOf(zone.systemResources, delegated.asked.scope ?? [], client)
      : null;
  if (system !== null) return { resources: [system], from: 'scope' };
  const defaults: Targets[] = [
    { resources: client.defaultResources, from: 'client' },
    { resources: zone.defaultResources, from: 'zone' },
    // The token of a caller is for the resource that asks on its behalf, which does not ask for itself.
    { resources: onBehalfOf ? [] : (subject?.target ?? []), from: 'subject_token' },
  ];
  for (const { resources, from } of defaults) {
    const within = resources.filter((resource) => isWithin(delegated, resource));
    if (within.length > 0) return { resources: forScope(delegated, within), from };
  }
  const there = defaults.some(({ resources }) => resources.length > 0);
  throw new OAuthError('invalid_target', 'resource is missing, and there is no default', {
    detail: there
      ? 'no resource, and no default within what the client, the subject token and the delegation allow'
      : 'no resource, and no default',
  });
}

/** Whether the client, the subject token and the delegation allow a target. */
function isWithin({ caller, principals, agency }: Delegated, resource: string): boolean {
  const { subject, onBehalfOf } = principals;
  if (!isForAudience(caller.client, resource)) return false;
  if (subject !== null && !onBehalfOf && !subject.target.includes(resource)) return false;
  return agency?.edge?.constraints.resources.includes(resource) !== false;
}

/**
 * Those of some defaults that know the scope which is asked for; all if none does, so that the scope is refused. What is
 * no resource of the zone (any more) is not left out: a request that means it is refused as if it had named it.
 */
function forScope({ asked, caller }: Delegated, resources: readonly string[]): readonly string[] {
  const { scope } = asked;
  if (scope === null) return resources;
  const knowing = resources.filter((resource) => {
    const view = caller.zone.resources.get(resource);
    return view === undefined || isSubset(scope, view.scopes);
  });
  return knowing.length > 0 ? knowing : resources;
}
