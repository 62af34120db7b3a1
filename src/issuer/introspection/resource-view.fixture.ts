import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/** A resource that has nothing but an identifier, with some members set. */
export function resourceView(
  identifier: string,
  changes: Partial<ResourceView> = {},
): readonly [string, ResourceView] {
  return [
    identifier,
    {
      id: identifier,
      identifier,
      detailTypes: [],
      scopes: [],
      access: 'direct',
      upstreamUrl: null,
      ownerClientId: null,
      operations: [],
      signingAlg: null,
      tokenTyp: 'at+jwt',
      generation: 0,
      revocation: null,
      listed: false,
      introspectionClientIds: [],
      ...changes,
    },
  ];
}
