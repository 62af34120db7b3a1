import { ConflictException } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { IsNull, Not, type EntityManager } from 'typeorm';
import type { GeneratedKey, KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import type { Rotations } from '../../keys/rotation/rotations.service.js';
import type { Sealing } from '../../sealing/sealing.service.js';
import { DEFAULT_ALG, type ZoneAlg } from '../../oauth/algorithms.js';
import { Resource, type DeclaredOperation } from '../../zones/resource.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { Zone } from '../../zones/zone.entity.js';

/** The keys of a zone that is yet to be made. */
export interface ZoneKeys {
  readonly sealedDigestKey: Buffer;
  readonly signingKey: GeneratedKey;
}

/** Draws the keys of a new zone. It may take a while: do so before the transaction that makes it. */
export async function generateZoneKeys(
  zoneId: string,
  sealing: Sealing,
  generation: KeyGeneration,
): Promise<ZoneKeys> {
  return {
    sealedDigestKey: await sealing.newDigestKey(zoneId),
    signingKey: await generation.generate(zoneId, DEFAULT_ALG),
  };
}

/** Makes a zone with its first signing key, so that it can issue from the start. */
export async function createZone(
  tx: EntityManager,
  rotations: Rotations,
  zone: { readonly id: string; readonly name: string },
  { sealedDigestKey, signingKey }: ZoneKeys,
): Promise<Zone> {
  const zones = tx.getRepository(Zone);
  await zones.insert({ ...zone, sealedDigestKey });
  await rotations.createFirst(tx, signingKey);
  return zones.findOneByOrFail({ id: zone.id });
}

/** What a resource is registered with. */
export interface ResourceRegistration {
  readonly identifier: string;
  readonly scopes: readonly string[];
  readonly upstreamUrl?: string | undefined;
  readonly ownerClientId?: string | undefined;
  readonly operations?: readonly DeclaredOperation[] | undefined;
  readonly access?: 'direct' | 'gateway' | undefined;
  readonly signingAlg?: ZoneAlg | undefined;
}

/**
 * Registers a resource in a zone.
 *
 * @throws {ConflictException} for an owner that is being removed
 */
export async function createResource(
  tx: EntityManager,
  zoneId: string,
  registration: ResourceRegistration,
): Promise<Resource> {
  const { ownerClientId } = registration;
  if (ownerClientId !== undefined && (await isBeingRemoved(tx, zoneId, ownerClientId))) {
    throw new ConflictException('the owner is being removed');
  }
  const id = uuidv7();
  const resources = tx.getRepository(Resource);
  await resources.insert({
    zoneId,
    id,
    identifier: registration.identifier,
    scopes: [...new Set(registration.scopes)].toSorted(),
    upstreamUrl: registration.upstreamUrl ?? null,
    ownerClientId: registration.ownerClientId ?? null,
    access: registration.access ?? 'direct',
    signingAlg: registration.signingAlg ?? null,
    operations: [...(registration.operations ?? [])],
  });
  return resources.findOneByOrFail({ zoneId, id });
}

function isBeingRemoved(tx: EntityManager, zoneId: string, id: string): Promise<boolean> {
  return tx.getRepository(Client).existsBy({ zoneId, id, removedAt: Not(IsNull()) });
}
