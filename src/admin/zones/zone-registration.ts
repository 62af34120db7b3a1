import type { EntityManager } from 'typeorm';
import type { GeneratedKey, KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import type { Rotations } from '../../keys/rotation/rotations.service.js';
import type { Sealing } from '../../sealing/sealing.service.js';
import { DEFAULT_ALG } from '../../oauth/algorithms.js';
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
  zone: Pick<Zone, 'id' | 'name'> & Partial<Pick<Zone, 'defaultResources'>>,
  { sealedDigestKey, signingKey }: ZoneKeys,
): Promise<Zone> {
  const zones = tx.getRepository(Zone);
  await zones.insert({ issuerMode: 'zone', ...zone, sealedDigestKey });
  await rotations.createFirst(tx, signingKey);
  return zones.findOneByOrFail({ id: zone.id });
}
