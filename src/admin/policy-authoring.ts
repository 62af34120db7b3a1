import { UnprocessableEntityException } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { compile } from '../policy/compile.js';
import { release } from '../policy/evaluate.js';
import { contentSha256, loadVersions } from '../policy/load-modules.js';
import { PolicySet, PolicySetMember, PolicySetVersion } from '../policy/policy-set.entity.js';
import { Policy, PolicyVersion } from '../policy/policy.entity.js';
import { Zone } from '../zones/zone.entity.js';

/** Makes a policy with its first version. */
export async function createPolicy(
  tx: EntityManager,
  zoneId: string,
  policy: { readonly name: string; readonly content: string },
): Promise<{ policy: Policy; version: PolicyVersion }> {
  const id = uuidv7();
  await tx.insert(Policy, { zoneId, id, name: policy.name });
  const created = await tx.findOneOrFail(Policy, { where: { zoneId, id } });
  return { policy: created, version: await addPolicyVersion(tx, created, policy.content) };
}

/**
 * Adds a version to a policy.
 *
 * @throws {PolicyCompileError}
 */
export async function addPolicyVersion(
  tx: EntityManager,
  { zoneId, id: policyId, name }: Policy,
  content: string,
): Promise<PolicyVersion> {
  release(compile([{ id: name, content }]));
  await tx.query('SELECT 1 FROM policies WHERE zone_id = $1 AND id = $2 FOR UPDATE', [
    zoneId,
    policyId,
  ]);
  const version = 1 + ((await tx.maximum(PolicyVersion, 'version', { zoneId, policyId })) ?? 0);
  const id = uuidv7();
  const sha256 = contentSha256(content);
  await tx.insert(PolicyVersion, { zoneId, id, policyId, version, content, sha256 });
  return tx.findOneOrFail(PolicyVersion, { where: { zoneId, id } });
}

/** Makes a policy set, which has no version yet. */
export async function createPolicySet(
  tx: EntityManager,
  zoneId: string,
  name: string,
): Promise<PolicySet> {
  const id = uuidv7();
  await tx.insert(PolicySet, { zoneId, id, name });
  return tx.findOneOrFail(PolicySet, { where: { zoneId, id } });
}

/**
 * Adds a version to a policy set: a manifest of policy versions.
 *
 * @throws {UnprocessableEntityException} if a policy version is unknown or two are of one policy
 * @throws {PolicyCompileError} if they do not compile together
 */
export async function addPolicySetVersion(
  tx: EntityManager,
  { zoneId, id: policySetId }: PolicySet,
  policyVersionIds: readonly string[],
): Promise<PolicySetVersion> {
  const { modules, problem } = await loadVersions(tx, zoneId, [...new Set(policyVersionIds)]);
  if (problem !== null) throw new UnprocessableEntityException(problem);
  const compiled = compile(modules);
  release(compiled);
  await tx.query('SELECT 1 FROM policy_sets WHERE zone_id = $1 AND id = $2 FOR UPDATE', [
    zoneId,
    policySetId,
  ]);
  const version =
    1 + ((await tx.maximum(PolicySetVersion, 'version', { zoneId, policySetId })) ?? 0);
  const id = uuidv7();
  const { manifestSha256 } = compiled;
  await tx.insert(PolicySetVersion, { zoneId, id, policySetId, version, manifestSha256 });
  const members = [...new Set(policyVersionIds)].map((policyVersionId) => ({
    zoneId,
    policySetVersionId: id,
    policyVersionId,
  }));
  if (members.length > 0) await tx.insert(PolicySetMember, members);
  return tx.findOneOrFail(PolicySetVersion, { where: { zoneId, id } });
}

/** Makes a policy set version the one that decides in its zone. */
export async function activate(
  tx: EntityManager,
  zoneId: string,
  setVersionId: string,
): Promise<void> {
  await tx.update(
    Zone,
    { id: zoneId },
    { activePolicySetVersionId: setVersionId, policyActivatedAt: () => 'now()' },
  );
}

/** The policy versions of a set version. */
export async function membersOf(
  tx: EntityManager,
  { zoneId, id }: PolicySetVersion,
): Promise<string[]> {
  const members = await tx.find(PolicySetMember, { where: { zoneId, policySetVersionId: id } });
  return members.map((member) => member.policyVersionId).toSorted();
}
