import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { manifestSha256, type PolicySource } from '../../policy/engine/compile.js';
import { contentSha256 } from '../../policy/engine/load-modules.js';
import { PolicySet, PolicySetVersion } from '../../policy/policy-set.entity.js';
import { Policy, PolicyVersion } from '../../policy/policy.entity.js';
import { Zone } from '../../zones/zone.entity.js';

/** A text and who wrote it. Checking it is for {@link checkPolicies}, before. */
export interface PolicyText {
  readonly content: string;
  readonly author: string;
}

/** Makes a policy with its first version. */
export async function createPolicy(
  tx: EntityManager,
  zoneId: string,
  {
    name,
    description = null,
    ...text
  }: PolicyText & { readonly name: string; readonly description?: string | null },
): Promise<{ policy: Policy; version: PolicyVersion }> {
  const id = uuidv7();
  const policies = tx.getRepository(Policy);
  await policies.insert({ zoneId, id, name, description });
  const policy = await policies.findOneByOrFail({ zoneId, id });
  return { policy, version: await addPolicyVersion(tx, policy, text) };
}

/** Adds a version to a policy. */
export async function addPolicyVersion(
  tx: EntityManager,
  { zoneId, id: policyId }: Policy,
  { content, author }: PolicyText,
): Promise<PolicyVersion> {
  const versions = tx.getRepository(PolicyVersion);
  const version = 1 + ((await versions.maximum('version', { zoneId, policyId })) ?? 0);
  const id = uuidv7();
  const sha256 = contentSha256(content);
  await versions.insert({ zoneId, id, policyId, version, content, sha256, author });
  return versions.findOneByOrFail({ zoneId, id });
}

/** Makes a policy set, which has no version yet. */
export async function createPolicySet(
  tx: EntityManager,
  zoneId: string,
  name: string,
  description?: string,
): Promise<PolicySet> {
  const id = uuidv7();
  const sets = tx.getRepository(PolicySet);
  await sets.insert({ zoneId, id, name, description: description ?? null });
  return sets.findOneByOrFail({ zoneId, id });
}

/** What a policy set version is made of. */
export interface Manifest {
  readonly policyVersionIds: readonly string[];
  /** The texts of these versions. */
  readonly modules: readonly PolicySource[];
  readonly author: string;
}

/** Adds a version to a policy set: a manifest of policy versions. */
export async function addPolicySetVersion(
  tx: EntityManager,
  { zoneId, id: policySetId }: PolicySet,
  { policyVersionIds, modules, author }: Manifest,
): Promise<PolicySetVersion> {
  const versions = tx.getRepository(PolicySetVersion);
  const version = 1 + ((await versions.maximum('version', { zoneId, policySetId })) ?? 0);
  const id = uuidv7();
  await versions.insert({
    zoneId,
    id,
    policySetId,
    version,
    manifestSha256: manifestSha256(modules),
    author,
  });
  await tx.query(
    `INSERT INTO policy_set_members (zone_id, policy_set_version_id, policy_version_id)
     SELECT $1, $2, member FROM unnest($3::uuid[]) AS member`,
    [zoneId, id, policyVersionIds],
  );
  return versions.findOneByOrFail({ zoneId, id });
}

/** Makes a policy set version the one that decides in its zone. */
export async function activate(
  tx: EntityManager,
  zoneId: string,
  setVersionId: string,
): Promise<void> {
  await tx
    .getRepository(Zone)
    .update(
      { id: zoneId },
      { activePolicySetVersionId: setVersionId, policyActivatedAt: () => 'now()' },
    );
}

/** Whether what a policy set version has allowed was taken back so lately that mandates by it are not accepted. */
export async function isWithdrawn(
  tx: EntityManager,
  zoneId: string,
  setVersionId: string,
): Promise<boolean> {
  return (await tx.query<unknown[]>(WITHDRAWN, [zoneId, setVersionId])).length > 0;
}

const WITHDRAWN = `
  SELECT 1 FROM policy_set_versions s
   WHERE s.zone_id = $1 AND s.id = $2
     AND EXISTS (SELECT FROM json_array_elements_text(withdrawn_policies_of(s.zone_id)) AS pol
                  WHERE pol = left(s.manifest_sha256, 12))`;
