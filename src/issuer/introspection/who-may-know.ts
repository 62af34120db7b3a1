import type { JsonObject } from '../../oauth/strict-json.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/** Who asks about a mandate. */
export interface Asking {
  readonly clientId: string;
  /** Whether a gateway asks for that client. */
  readonly isGateway: boolean;
}

/** What decides who may know of a mandate. */
export interface Addressed {
  readonly use: 'session' | 'resource';
  /** The client that it was issued to. */
  readonly clientId: string;
  readonly target: readonly string[];
}

/**
 * The targets of a mandate that a caller may know of (RFC 7662 2.1, 4): all of them if it was issued to the caller, else
 * those whose resource is its own, or lets it ask. A mandate that has none of those is none of the caller's business.
 *
 * @param resources those of the zone, by identifier
 */
export function knownTargets(
  { use, clientId, target }: Addressed,
  asking: Asking,
  resources: ReadonlyMap<string, ResourceView>,
): readonly string[] {
  if (clientId === asking.clientId) return target;
  // A session mandate is for this server: what it may be exchanged for is not whom it is for.
  if (use !== 'resource') return [];
  return target.filter((identifier) => {
    const resource = resources.get(identifier);
    return resource !== undefined && mayAsk(resource, asking);
  });
}

function mayAsk(
  { ownerClientId, introspectionClientIds, access }: ResourceView,
  { clientId, isGateway }: Asking,
): boolean {
  return (
    ownerClientId === clientId ||
    introspectionClientIds.includes(clientId) ||
    (isGateway && access === 'gateway')
  );
}

/**
 * What a token that was not verified says of that, so that tokens that are none of the caller's business cost no
 * signature check. Nothing of it is believed.
 *
 * @returns `null` if it does not say it
 */
export function addressedIn({ use, client_id: clientId, target }: JsonObject): Addressed | null {
  if (use !== 'session' && use !== 'resource') return null;
  if (typeof clientId !== 'string' || !Array.isArray(target)) return null;
  const names: readonly unknown[] = target;
  return { use, clientId, target: names.filter((name) => typeof name === 'string') };
}
