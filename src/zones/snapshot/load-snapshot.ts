import type { EntityManager } from 'typeorm';
import { TrustedIssuerRow } from '../issuers/trusted-issuer.entity.js';
import type { KeyRings } from '../../keys/signing/key-rings.service.js';
import type { Sealing } from '../../sealing/sealing.service.js';
import { SigningKey } from '../../keys/signing-key.entity.js';
import type { PolicySets, StoredPolicySet } from '../../policy/policy-sets.service.js';
import { Resource } from '../resource.entity.js';
import { StepUpType } from '../step-up-type.entity.js';
import { termsIn } from '../step-up-terms.js';
import { Zone } from '../zone.entity.js';
import { readClients } from './read-clients.js';
import type { ClientView, ZoneSnapshot } from './zone-snapshot.js';

/** A whole zone at one version, as it is stored. */
export interface StoredZone {
  readonly zone: Zone;
  readonly clients: ReadonlyMap<string, ClientView>;
  readonly resources: readonly Resource[];
  readonly issuers: readonly TrustedIssuerRow[];
  readonly stepUpTypes: readonly StepUpType[];
  readonly signingKeys: readonly SigningKey[];
  readonly policy: StoredPolicySet;
  readonly shadow: StoredPolicySet;
}

/** The services that open sealed values and compile policies. */
export interface SnapshotServices {
  readonly sealing: Sealing;
  readonly keyRings: KeyRings;
  readonly policySets: PolicySets;
}

/**
 * Reads a whole zone.
 *
 * @param tx a REPEATABLE READ transaction, so that all of it is of one version
 * @param maxClients the most clients to read
 * @returns `null` for an unknown zone, and for one that is being removed
 * @throws {TooManyClients}
 */
export async function readZone(
  tx: EntityManager,
  zoneId: string,
  maxClients: number,
  { policySets }: SnapshotServices,
): Promise<StoredZone | null> {
  const zone = await tx.getRepository(Zone).findOneBy({ id: zoneId });
  if (zone === null || zone.removedAt !== null) return null;
  return {
    zone,
    clients: await readClients(tx, zoneId, maxClients),
    resources: await tx.getRepository(Resource).findBy({ zoneId }),
    issuers: await tx.getRepository(TrustedIssuerRow).findBy({ zoneId }),
    stepUpTypes: await tx
      .getRepository(StepUpType)
      .find({ where: { zoneId }, order: { type: 'ASC' } }),
    signingKeys: await tx.getRepository(SigningKey).findBy({ zoneId }),
    policy: await policySets.read(tx, zoneId, zone.activePolicySetVersionId),
    shadow: await policySets.read(tx, zoneId, zone.shadowPolicySetVersionId),
  };
}

/**
 * Makes a snapshot of a zone that was read: opens sealed values and compiles policies.
 *
 * @param now milliseconds since the epoch
 * @throws {SealBroken} if a sealed value does not open
 * @throws {CustodyUnavailable} if a key-encryption key is out of reach
 * @throws {BackgroundFailure} if the policy set cannot be compiled now
 */
export async function openZone(
  stored: StoredZone,
  now: number,
  { sealing, keyRings, policySets }: SnapshotServices,
): Promise<ZoneSnapshot> {
  const { zone, clients, resources, issuers, signingKeys, policy, shadow } = stored;
  return {
    zoneId: zone.id,
    version: zone.version,
    clients,
    resources: new Map(
      resources.map(({ zoneId: _zoneId, createdAt: _createdAt, ...view }) => [
        view.identifier,
        view,
      ]),
    ),
    issuers: new Map(issuers.map((row) => [row.issuer, row])),
    stepUpTypes: new Map(stored.stepUpTypes.map((row) => [row.type, termsIn(row)])),
    digestKey: await sealing.openDigestKey(zone.id, zone.sealedDigestKey),
    keys: await keyRings.open(signingKeys, algsOf(zone), now),
    policy: await policySets.open(policy),
    shadow: policySets.openLater(shadow),
    loadedAt: now,
  };
}

function algsOf({ signingAlg: standard, previousSigningAlg: bridge }: Zone) {
  return { standard, bridge };
}
