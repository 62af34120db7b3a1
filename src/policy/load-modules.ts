import { createHash } from 'node:crypto';
import { In, type EntityManager } from 'typeorm';
import { manifestOf, type PolicySource } from './compile.js';
import { PolicySetMember } from './policy-set.entity.js';
import { Policy, PolicyVersion } from './policy.entity.js';

/** Hex SHA-256 of a policy's text. */
export function contentSha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The texts of a policy set version, or what is wrong with them. */
export interface LoadedModules {
  readonly modules: readonly PolicySource[];
  readonly problem: string | null;
}

/** Reads the policy versions of a set version, named by their policies, and checks their hashes. */
export async function loadModules(
  tx: EntityManager,
  zoneId: string,
  setVersionId: string,
): Promise<LoadedModules> {
  const members = await tx.find(PolicySetMember, {
    where: { zoneId, policySetVersionId: setVersionId },
  });
  const versionIds = members.map((member) => member.policyVersionId);
  return loadVersions(tx, zoneId, versionIds);
}

/**
 * Names what is stored of a policy set version now, without reading its texts: the database compares
 * them with their hashes.
 *
 * @returns `null` if a text does not match its hash
 */
export async function storedManifest(
  tx: EntityManager,
  zoneId: string,
  setVersionId: string,
): Promise<string | null> {
  const members = await tx.query<{ name: string; sha256: string; intact: boolean }[]>(
    `SELECT p.name, v.sha256,
            encode(sha256(convert_to(v.content, 'UTF8')), 'hex') = v.sha256 AS intact
       FROM policy_set_members m
       JOIN policy_versions v ON v.zone_id = m.zone_id AND v.id = m.policy_version_id
       JOIN policies p ON p.zone_id = v.zone_id AND p.id = v.policy_id
      WHERE m.zone_id = $1 AND m.policy_set_version_id = $2`,
    [zoneId, setVersionId],
  );
  if (!members.every(({ intact }) => intact)) return null;
  return manifestOf(members.map(({ name, sha256 }) => [name, sha256]));
}

/** Reads given policy versions, as {@link loadModules} does. */
export async function loadVersions(
  tx: EntityManager,
  zoneId: string,
  versionIds: readonly string[],
): Promise<LoadedModules> {
  const versions = await tx.find(PolicyVersion, { where: { zoneId, id: In([...versionIds]) } });
  const policies = await tx.find(Policy, {
    where: { zoneId, id: In(versions.map((version) => version.policyId)) },
  });
  const nameOf = new Map(policies.map((policy) => [policy.id, policy.name]));
  const modules: PolicySource[] = [];
  for (const { content, sha256, policyId } of versions) {
    const name = nameOf.get(policyId);
    if (name === undefined) return { modules: [], problem: 'a policy of the set is gone' };
    if (contentSha256(content) !== sha256) {
      return { modules: [], problem: `the content of ${name} does not match its hash` };
    }
    modules.push({ id: name, content });
  }
  if (versions.length !== versionIds.length) {
    return { modules: [], problem: 'a policy version of the set is gone' };
  }
  return { modules, problem: null };
}
