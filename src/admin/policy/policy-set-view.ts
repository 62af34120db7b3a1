import type { EntityManager } from 'typeorm';
import type { Fault } from '../../policy/engine/validate.js';
import type { PolicySet, PolicySetVersion } from '../../policy/policy-set.entity.js';
import { only, withLatestVersion } from './with-latest-version.js';

/** A version of a policy set. It is never changed. */
export interface PolicySetVersionView {
  readonly id: string;
  readonly policy_set_id: string;
  /** 1 for the first one. */
  readonly version: number;
  /** Hex SHA-256 over what is in it, as every decision by it has it. */
  readonly manifest_sha256: string;
  /** Who put it together, as given; not verified. */
  readonly author: string;
  readonly created_at: Date;
}

/** The same with its manifest. */
export interface PolicySetManifestView extends PolicySetVersionView {
  /** The policy versions that are in it. */
  readonly policy_version_ids: readonly string[];
  /** The same with what they are versions of, in the same order. */
  readonly members: readonly PolicySetMemberView[];
}

/** A policy version that is in a version of a policy set. */
export interface PolicySetMemberView {
  readonly policy_id: string;
  readonly policy_version_id: string;
  /** 1 for the first one of its policy. */
  readonly version: number;
  /** Hex SHA-256 of its text. */
  readonly sha256: string;
}

/** A version that was just put together. */
export interface NewPolicySetVersionView extends PolicySetManifestView {
  /** What the check of its policies found that is no error. */
  readonly warnings: readonly Fault[];
}

/** A named policy set; what is in it is in its versions. */
export interface PolicySetView {
  readonly id: string;
  /** Unique in the zone. */
  readonly name: string;
  /** What it is for, if that was said. */
  readonly description?: string;
  /** Its newest version, which need not be the one that decides; `null`: it has none yet. */
  readonly latest_version: { readonly id: string; readonly version: number } | null;
  readonly created_at: Date;
}

/** What goes with a policy set. */
export interface UseOfPolicySet {
  readonly versions: number;
}

/** A version as operators are shown it. */
export function toVersionView(row: PolicySetVersion): PolicySetVersionView {
  const { id, policySetId, version, manifestSha256, author, createdAt } = row;
  return {
    id,
    policy_set_id: policySetId,
    version,
    manifest_sha256: manifestSha256,
    author,
    created_at: createdAt,
  };
}

/** Policy sets of one zone as operators are shown them, in the same order. */
export function viewSets(
  on: Pick<EntityManager, 'query'>,
  rows: readonly PolicySet[],
): Promise<PolicySetView[]> {
  return withLatestVersion(rows, async (zoneId, ids) => {
    const found = await on.query<LatestVersion[]>(LATEST, [zoneId, ids]);
    return new Map(found.map(({ set, id, version }) => [set, { id, version }]));
  });
}

/** A policy set as operators are shown it. */
export async function viewSet(
  on: Pick<EntityManager, 'query'>,
  row: PolicySet,
): Promise<PolicySetView> {
  return only(await viewSets(on, [row]));
}

interface LatestVersion {
  readonly set: string;
  readonly id: string;
  readonly version: number;
}

/** The policy versions of a version of a set, in the order of their ids. */
export async function viewMembers(
  on: Pick<EntityManager, 'query'>,
  { zoneId, id }: Pick<PolicySetVersion, 'zoneId' | 'id'>,
): Promise<Pick<PolicySetManifestView, 'policy_version_ids' | 'members'>> {
  const members = await on.query<PolicySetMemberView[]>(MEMBERS, [zoneId, id]);
  return { policy_version_ids: members.map((member) => member.policy_version_id), members };
}

const MEMBERS = `
  SELECT v.policy_id, v.id AS policy_version_id, v.version, v.sha256
    FROM policy_set_members m
    JOIN policy_versions v ON v.zone_id = m.zone_id AND v.id = m.policy_version_id
   WHERE m.zone_id = $1 AND m.policy_set_version_id = $2
   ORDER BY v.id`;

const LATEST = `
  SELECT asked.id AS set, v.id, v.version
    FROM unnest($2::uuid[]) AS asked (id)
    CROSS JOIN LATERAL (
      SELECT s.id, s.version FROM policy_set_versions s
       WHERE s.zone_id = $1 AND s.policy_set_id = asked.id
       ORDER BY s.version DESC LIMIT 1) AS v`;
