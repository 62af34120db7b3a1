import type { ClientView } from './clients/client-view.js';
import type { ResourceView, SystemResources } from './snapshot/zone-snapshot.js';

/** The path of the shared signals of a zone, below its own. */
const SSF_PATH = '/ssf';

/** May read streams and their status, and poll (CAEP Interoperability Profile 2.7.2). */
export const SSF_READ = 'ssf.read';
/** May do whatever a receiver may. */
export const SSF_MANAGE = 'ssf.manage';

/**
 * The system resources of a zone.
 *
 * @param zoneUrl where the endpoints of the zone are, without a trailing slash
 */
export function systemResourcesAt(zoneUrl: string): SystemResources {
  const ssf = `${zoneUrl}${SSF_PATH}`;
  const view: ResourceView = {
    id: ssf,
    identifier: ssf,
    scopes: [SSF_MANAGE, SSF_READ],
    detailTypes: [],
    access: 'direct',
    upstreamUrl: null,
    ownerClientId: null,
    operations: [],
    signingAlg: null,
    tokenTyp: 'at+jwt',
    revocation: null,
    listed: false,
    introspectionClientIds: [],
    generation: 0,
  };
  return { all: new Map([[ssf, view]]), ssf };
}

/** Whether a system resource is there for a client: an operator has said so of the client. */
export function isForClient({ ssf }: SystemResources, identifier: string, client: ClientView) {
  return identifier === ssf && client.ssf;
}

/**
 * The system resource that all of some scopes are of, so that a request for them need not name it: clients of the CAEP
 * Interoperability Profile send a scope and nothing else.
 *
 * @returns `null` if there is none for the client
 */
export function systemResourceOf(
  resources: SystemResources,
  scope: readonly string[],
  client: ClientView,
): string | null {
  if (scope.length === 0) return null;
  for (const { identifier, scopes } of resources.all.values()) {
    const knows = scope.every((one) => scopes.includes(one));
    if (knows && isForClient(resources, identifier, client)) return identifier;
  }
  return null;
}
