import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import type { Keys } from '../keys/keys.service.js';
import { Resource, type DeclaredOperation } from '../zones/resource.entity.js';
import { Zone } from '../zones/zone.entity.js';

/** Makes a zone with its first signing key, so that it can issue from the start. */
export async function createZone(
  tx: EntityManager,
  keys: Keys,
  zone: { readonly id: string; readonly name: string },
): Promise<Zone> {
  await tx.insert(Zone, { ...zone, sealedDigestKey: keys.newDigestKey(zone.id) });
  await keys.createFirst(tx, zone.id);
  return tx.findOneOrFail(Zone, { where: { id: zone.id } });
}

/** What a resource is registered with. */
export interface ResourceRegistration {
  readonly identifier: string;
  readonly scopes: readonly string[];
  readonly upstreamUrl?: string | undefined;
  readonly ownerClientId?: string | undefined;
  readonly operations?: readonly DeclaredOperation[] | undefined;
  readonly access?: 'direct' | 'gateway' | undefined;
}

/** Registers a resource in a zone. */
export async function createResource(
  tx: EntityManager,
  zoneId: string,
  registration: ResourceRegistration,
): Promise<Resource> {
  const id = uuidv7();
  await tx.insert(Resource, {
    zoneId,
    id,
    identifier: registration.identifier,
    scopes: [...new Set(registration.scopes)].toSorted(),
    upstreamUrl: registration.upstreamUrl ?? null,
    ownerClientId: registration.ownerClientId ?? null,
    access: registration.access ?? 'direct',
    operations: [...(registration.operations ?? [])],
  });
  return tx.findOneOrFail(Resource, { where: { zoneId, id } });
}
