import type { Knows } from '../../evidence/receipts/receipts.service.js';
import { isJsonArray, isJsonObject, type JsonObject } from '../../oauth/strict-json.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/**
 * What a client may know of a mandate by its event: everything if it was issued to it; if it owns resources that the mandate is
 * for, what is of these. A session mandate is for this server, and for no resource.
 *
 * @param resources those of the zone, by identifier
 */
export function knownOf(
  event: JsonObject,
  clientId: string,
  resources: ReadonlyMap<string, Pick<ResourceView, 'ownerClientId' | 'scopes'>>,
): Knows {
  if (event['client_id'] === clientId) return 'all';
  const mandate = event['mandate'];
  if (!isJsonObject(mandate) || mandate['use'] !== 'resource') return 'nothing';
  const { target = null } = mandate;
  const owned = (target !== null && isJsonArray(target) ? target : []).flatMap((identifier) => {
    const resource = typeof identifier === 'string' ? resources.get(identifier) : undefined;
    return typeof identifier === 'string' && resource?.ownerClientId === clientId
      ? [{ identifier, resource }]
      : [];
  });
  if (owned.length === 0) return 'nothing';
  return {
    targets: new Set(owned.map(({ identifier }) => identifier)),
    scopes: new Set(owned.flatMap(({ resource }) => resource.scopes)),
  };
}
