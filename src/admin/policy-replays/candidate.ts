import { BadRequestException, UnprocessableEntityException } from '@nestjs/common';
import type { EntityManager, Repository } from 'typeorm';
import { manifestSha256, type PolicySource } from '../../policy/engine/compile.js';
import { loadVersions } from '../../policy/engine/load-modules.js';
import type { PolicySetVersion } from '../../policy/policy-set.entity.js';
import type { Zone } from '../../zones/zone.entity.js';
import { findRow } from '../find-row.js';
import { checkPolicies } from '../policy/policy-check.js';
import type { PolicyReplayBody } from './policy-replay.body.js';

/** The policies that a replay tries, as they are stored with it. */
export interface Candidate {
  readonly policySetVersionId: string | null;
  readonly manifestSha256: string;
  /** Their texts; `null` for a stored version. */
  readonly modules: readonly PolicySource[] | null;
}

/** Where candidates are looked up. */
export interface CandidateSources {
  readonly read: EntityManager;
  readonly setVersions: Repository<PolicySetVersion>;
}

/**
 * The policies that a body names. Those that are put together here are checked as they are when they are written, and have the
 * hash that the same policies would have in a set.
 *
 * @throws {HttpException} 400 unless it names policies in one way, 404 for what is not there, 422 for policies that are not
 *   valid
 */
export async function candidateOf(
  { read, setVersions }: CandidateSources,
  { id: zoneId, policySchemaExtension }: Zone,
  { policy_set_version_id: id, policy_version_ids: versions, policies }: PolicyReplayBody,
): Promise<Candidate> {
  if (id !== undefined && versions === undefined && policies === undefined) {
    const stored = await findRow(setVersions, { zoneId, id }, 'policy set version');
    return { policySetVersionId: id, manifestSha256: stored.manifestSha256, modules: null };
  }
  if (id !== undefined || (versions === undefined && policies === undefined)) {
    throw new BadRequestException(
      'either policy_set_version_id is needed, or policy_version_ids, policies, or both of these',
    );
  }
  const loaded = await loadVersions(read, zoneId, [...new Set(versions)]);
  if (loaded.problem !== null) throw new UnprocessableEntityException(loaded.problem);
  const given = (policies ?? []).map(({ name, content }) => ({ id: name, content }));
  const modules = [...loaded.modules, ...given];
  await checkPolicies(modules, policySchemaExtension);
  return { policySetVersionId: null, manifestSha256: manifestSha256(modules), modules };
}
