import type { KeyRings } from '../../keys/signing/key-rings.service.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { instant } from '../../platform/config/clock.js';
import type { Sealing } from '../../sealing/sealing.service.js';
import type { SigningKey } from '../../keys/signing-key.entity.js';
import type { PolicySets, StoredPolicySet } from '../../policy/policy-sets.service.js';
import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import { termsIn, type StoredTerms } from '../step-up-terms.js';
import { systemResourcesAt } from '../system-resources.js';
import { formerIssuerOf, issuerOf, zoneUrlOf } from '../zone-issuer.js';
import { LOAD, type OwnSettings, type StoredKey, type ZoneRow } from './load-statement.js';
import type { ResourceView, ZoneSnapshot } from './zone-snapshot.js';

/** The settings of a zone at one version, as they are stored. */
export interface StoredZone {
  readonly zoneId: string;
  /** When it was asked for, in milliseconds since the epoch, by the clock of this process. */
  readonly askedAt: number;
  readonly version: string;
  readonly algs: { readonly standard: ZoneAlg; readonly bridge: ZoneAlg | null };
  readonly sealedDigestKey: Buffer;
  readonly resources: readonly ResourceView[];
  readonly own: OwnSettings;
  readonly issuers: readonly TrustedIssuer[];
  readonly stepUpTypes: readonly (StoredTerms & { readonly type: string })[];
  readonly signingKeys: readonly SigningKey[];
  readonly policy: StoredPolicySet;
  readonly shadow: StoredPolicySet;
  readonly weight: number;
}

/** The services that open sealed values and compile policies. */
export interface SnapshotServices {
  readonly sealing: Sealing;
  readonly keyRings: KeyRings;
  readonly policySets: PolicySets;
  /** `ISSUER_URL`: the issuer of zones that share one, and above that of all others. */
  readonly issuerUrl: string;
  /** The longest life of mandates for resources with `revocation: expiry`, in seconds. */
  readonly expiryOnlySeconds: number;
}

/** The connection that is read on. */
type Reading = Parameters<PolicySets['readListed']>[0];

/**
 * Reads the settings of a zone by one statement, so that all of it is of one version; and by others the policies, which
 * never change, if they are not in memory.
 *
 * @param now milliseconds since the epoch
 * @returns `null` for an unknown zone, and for one that is being removed
 */
export async function readZone(
  on: Reading,
  zoneId: string,
  now: number,
  { policySets }: Pick<SnapshotServices, 'policySets'>,
): Promise<StoredZone | null> {
  const [row] = await on.query<ZoneRow[]>(LOAD, [zoneId]);
  if (row === undefined) return null;
  const { standard, bridge, signingKeys, policy, shadow, own, ...stored } = row;
  return {
    ...stored,
    own,
    zoneId,
    askedAt: now,
    algs: { standard, bridge },
    signingKeys: signingKeys.map((key) => keyIn(zoneId, key)),
    policy: await policySets.readListed(on, zoneId, policy),
    shadow: await policySets.readListed(on, zoneId, shadow),
    weight: weightOf(row),
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
  { sealing, keyRings, policySets, issuerUrl, expiryOnlySeconds }: SnapshotServices,
): Promise<ZoneSnapshot> {
  const { zoneId, version, weight } = stored;
  const zoneUrl = zoneUrlOf(zoneId, stored.own, issuerUrl);
  return {
    zoneId,
    version,
    issuer: issuerOf(zoneId, stored.own, issuerUrl),
    zoneUrl,
    formerIssuer: formerIssuerOf(stored.own, stored.askedAt),
    resources: new Map(stored.resources.map((view) => [view.identifier, view])),
    scopeClaims: stored.own.scopeClaims,
    introspectionAudit: stored.own.introspectionAudit,
    systemResources: systemResourcesAt(zoneUrl),
    expiryOnlySeconds,
    defaultResources: stored.own.defaultResources,
    generation: stored.own.generation,
    hasSubjectGenerations: stored.own.subjectGenerations,
    withdrawnPolicies: new Set(stored.own.withdrawnPolicies),
    issuers: new Map(stored.issuers.map((row) => [row.issuer, row])),
    stepUpTypes: new Map(stored.stepUpTypes.map((row) => [row.type, termsIn(row)])),
    digestKey: await sealing.openDigestKey(zoneId, stored.sealedDigestKey),
    keys: await keyRings.open(stored.signingKeys, stored.algs, now),
    policy: await policySets.open(stored.policy),
    shadow: policySets.openLater(stored.shadow),
    loadedAt: now,
    weight,
  };
}

/** Bytes of a snapshot without anything in it, and of an opened key beside it. */
const OF_ZONE = 4_000;
const OF_KEY = 8_000;
/** Bytes of memory for each character that was read. */
const OF_TEXT = 4;

function weightOf({ signingKeys, resources, issuers, stepUpTypes, own }: ZoneRow): number {
  const text = JSON.stringify([resources, issuers, stepUpTypes, own]).length;
  return OF_ZONE + OF_KEY * signingKeys.length + OF_TEXT * text;
}

function keyIn(zoneId: string, stored: StoredKey): SigningKey {
  return {
    zoneId,
    kid: stored.kid,
    alg: stored.alg,
    publicJwk: stored.publicJwk,
    sealedPrivateKey: bytesIn(stored.sealedPrivateKey),
    sealedSignerHandle: bytesIn(stored.sealedSignerHandle),
    // It is published, and nothing is signed with it.
    certificate: null,
    publishedAt: instant(stored.publishedAt),
    activatesAt: instant(stored.activatesAt),
    retiresAt: momentIn(stored.retiresAt),
    expiresAt: momentIn(stored.expiresAt),
    compromisedAt: momentIn(stored.compromisedAt),
  };
}

function bytesIn(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64');
}

function momentIn(at: number | null): Date | null {
  return at === null ? null : instant(at);
}
