import type { EntityManager } from 'typeorm';
import type { Fault } from '../../policy/engine/validate.js';
import type { Policy, PolicyVersion } from '../../policy/policy.entity.js';
import { only, withLatestVersion } from './with-latest-version.js';

/** A version of a policy, without its text. */
export interface PolicyVersionSummary {
  readonly id: string;
  readonly policy_id: string;
  /** 1 for the first one. */
  readonly version: number;
  /** Hex SHA-256 of the text. */
  readonly sha256: string;
  /** Who wrote it, as given; not verified. */
  readonly author: string;
}

/** A version of a policy. It is never changed. */
export interface PolicyVersionView extends PolicyVersionSummary {
  /** Cedar. */
  readonly content: string;
  readonly created_at: Date;
}

/** A version that was just written. */
export interface NewPolicyVersionView extends PolicyVersionView {
  /** What the check of it found that is no error. */
  readonly warnings: readonly Fault[];
}

/** A named policy; its text is in its versions. */
export interface PolicyView {
  readonly id: string;
  /** Unique in the zone. */
  readonly name: string;
  /** What it is for, if that was said. */
  readonly description?: string;
  /** Its newest version, which need not be in any set. */
  readonly latest_version: PolicyVersionSummary | null;
  readonly created_at: Date;
}

/** What goes with a policy. */
export interface UseOfPolicy {
  readonly versions: number;
}

/** A policy that was just made, with its first version. */
export interface NewPolicyView extends PolicyView {
  readonly version: PolicyVersionView;
  /** What the check of its text found that is no error. */
  readonly warnings: readonly Fault[];
}

/** A version as operators are shown it. */
export function toVersionView(row: PolicyVersion): PolicyVersionView {
  return { ...toSummary(row), content: row.content, created_at: row.createdAt };
}

/** The same without its text, for audit events and lists. */
export function toSummary(row: Omit<PolicyVersion, 'content'>): PolicyVersionSummary {
  const { id, policyId, version, sha256, author } = row;
  return { id, policy_id: policyId, version, sha256, author };
}

/** Policies of one zone as operators are shown them, in the same order. */
export function viewPolicies(
  on: Pick<EntityManager, 'query'>,
  rows: readonly Policy[],
): Promise<PolicyView[]> {
  return withLatestVersion(rows, async (zoneId, ids) => {
    const found = await on.query<PolicyVersionSummary[]>(LATEST, [zoneId, ids]);
    return new Map(found.map((version) => [version.policy_id, version]));
  });
}

/** A policy as operators are shown it. */
export async function viewPolicy(
  on: Pick<EntityManager, 'query'>,
  row: Policy,
): Promise<PolicyView> {
  return only(await viewPolicies(on, [row]));
}

const LATEST = `
  SELECT v.id, v.policy_id, v.version, v.sha256, v.author
    FROM unnest($2::uuid[]) AS asked (id)
    CROSS JOIN LATERAL (
      SELECT * FROM policy_versions v WHERE v.zone_id = $1 AND v.policy_id = asked.id
       ORDER BY v.version DESC LIMIT 1) AS v`;
