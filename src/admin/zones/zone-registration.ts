import type { EntityManager } from 'typeorm';
import type { GeneratedKey, KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import type { Rotations } from '../../keys/rotation/rotations.service.js';
import type { Sealing } from '../../sealing/sealing.service.js';
import { DEFAULT_ALG } from '../../oauth/algorithms.js';
import type { StoredIssuer } from '../../zones/zone-issuer.js';
import { listNewZone } from '../../zones/zone-directory.js';
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

/** The issuer of new zones, where nothing else is said. */
export const NEW_ZONES: StoredIssuer = { issuerMode: 'zone', issuerUrl: null };

/** Makes a zone with its first signing key, so that it can issue from the start. */
export async function createZone(
  tx: EntityManager,
  rotations: Rotations,
  zone: Pick<Zone, 'id' | 'name'> &
    Partial<
      Pick<
        Zone,
        | 'displayName'
        | 'description'
        | 'logoDigest'
        | 'languages'
        | 'protected'
        | 'defaultResources'
        | 'introspectionAudit'
        | 'retentionDays'
        | 'policyMaxChanges'
        | keyof StoredIssuer
      >
    >,
  { sealedDigestKey, signingKey }: ZoneKeys,
): Promise<Zone> {
  const zones = tx.getRepository(Zone);
  const made = { ...NEW_ZONES, ...zone };
  await listNewZone(tx, made);
  await zones.insert({ ...made, sealedDigestKey });
  await rotations.createFirst(tx, signingKey);
  return zones.findOneByOrFail({ id: zone.id });
}
