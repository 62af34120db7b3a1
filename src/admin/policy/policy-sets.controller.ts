import {
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { loadVersions } from '../../policy/engine/load-modules.js';
import { PolicySet, PolicySetVersion } from '../../policy/policy-set.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { changeColumns, findMatching, type Administered } from '../administered.js';
import {
  PolicySetBody,
  PolicySetChangeBody,
  PolicySetsQuery,
  PolicySetVersionBody,
} from './policy.body.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { given } from '../given.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { containing, having, readPage, type Filter, type Page } from '../pagination.js';
import { addPolicySetVersion, createPolicySet } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';
import {
  toVersionView,
  viewMembers,
  viewSet,
  viewSets,
  type NewPolicySetVersionView,
  type PolicySetManifestView,
  type PolicySetVersionView,
  type PolicySetView,
  type UseOfPolicySet,
} from './policy-set-view.js';

const POLICY_SETS: Administered<PolicySet, PolicySetView> = {
  entity: PolicySet,
  noun: 'policy set',
  recordedAs: 'policy_set',
  view: viewSet,
};

/** Puts policy versions together to sets that can be activated. */
@AdminController('zones/:zone/policy-sets', { noun: 'policies' })
export class PolicySetsController {
  constructor(
    @InjectRepository(PolicySet) private readonly sets: Repository<PolicySet>,
    @InjectRepository(PolicySetVersion) private readonly setVersions: Repository<PolicySetVersion>,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
    private readonly deletions: Deletions,
  ) {}

  /** Makes a policy set. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_set.created') change: Change,
    @Body() { name, description }: PolicySetBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicySetView> {
    const set = await this.changes.run(change, async (tx) => {
      const result = await viewSet(tx, await createPolicySet(tx, zoneId, name, description));
      return { result, details: { policy_set: result } };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${set.id}`);
    return tagged(response, set);
  }

  /** Lists policy sets: all, those that are searched for, the one of a name, or those that a policy is in. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: PolicySetsQuery,
  ): Promise<Page<PolicySetView>> {
    const { items, ...rest } = await readPage(this.sets, { zoneId }, query, (row) => row, [
      ...having('name', query.name),
      ...withPolicy(query.policy_id),
      ...containing(['name', 'description'], query.search),
    ]);
    return { items: await viewSets(this.sets, items), ...rest };
  }

  /** Shows a policy set. Its ETag is another once it has another version. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicySetView> {
    const row = await findRow(this.sets, { zoneId, id }, 'policy set');
    return tagged(response, await viewSet(this.sets, row));
  }

  /** Changes what a policy set is called, or what is said of it (a merge patch, RFC 7396). */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('policy_set.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { name, description }: PolicySetChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicySetView> {
    const changed = await this.changes.run(change, (tx) =>
      changeColumns(tx, POLICY_SETS, { zoneId, id }, precondition, () =>
        given({ name, description }),
      ),
    );
    return tagged(response, changed);
  }

  /**
   * Removes a policy set with its versions, unless one of them decides, or is tried. Decisions that it has made stay in the
   * audit log, and cannot be made again by it.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 409, description: 'A version of it is active, or tried' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('policy_set.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<PolicySetView, UseOfPolicySet>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, POLICY_SETS, {
      where: { zoneId, id },
      check: checkDecidesNothing,
      affects: async (tx) => ({
        versions: await tx.getRepository(PolicySetVersion).countBy({ zoneId, policySetId: id }),
      }),
    });
  }

  /**
   * Adds a version: a manifest of policy versions. With `If-Match` only if the set is as it was, its newest version
   * included.
   */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @InZone() { id: zoneId, policySchemaExtension }: Zone,
    @Param('id') id: string,
    @Change('policy_set_version.created') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: PolicySetVersionBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewPolicySetVersionView> {
    await findRow(this.sets, { zoneId, id }, 'policy set');
    const policyVersionIds = [...new Set(body.policy_version_ids)].toSorted();
    const { modules, problem } = await loadVersions(this.read, zoneId, policyVersionIds);
    if (problem !== null) throw new UnprocessableEntityException(problem);
    const warnings = await checkPolicies(modules, policySchemaExtension);
    const author = body.author ?? change.operator.name;
    const { row: version, members } = await this.changes.run(change, async (tx) => {
      const { row, view } = await findMatching(tx, POLICY_SETS, { zoneId, id }, precondition);
      const result = await addPolicySetVersion(tx, row, { policyVersionIds, modules, author });
      return {
        result: { row: result, members: await viewMembers(tx, result) },
        details: {
          policy_set: view,
          version: toVersionView(result),
          policy_version_ids: policyVersionIds,
        },
      };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${id}/versions/${version.id}`);
    return { ...toVersionView(version), ...members, warnings };
  }

  /** Lists the versions of a policy set. */
  @Get(':id/versions')
  async versions(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policySetId: string,
    @Query() page: PageQuery,
  ): Promise<Page<PolicySetVersionView>> {
    await findRow(this.sets, { zoneId, id: policySetId }, 'policy set');
    return readPage(this.setVersions, { zoneId, policySetId }, page, toVersionView);
  }

  /** Shows a version of a policy set, with its manifest. */
  @Get(':id/versions/:version')
  async version(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policySetId: string,
    @Param('version') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicySetManifestView> {
    await findRow(this.sets, { zoneId, id: policySetId }, 'policy set');
    const where = { zoneId, policySetId, id };
    const version = await findRow(this.setVersions, where, 'policy set version');
    return tagged(response, {
      ...toVersionView(version),
      ...(await viewMembers(this.read, version)),
    });
  }
}

/** @throws {ConflictException} if a version of it decides, or is tried */
async function checkDecidesNothing(tx: EntityManager, { zoneId, id }: PolicySet): Promise<void> {
  const zone = await tx.getRepository(Zone).findOneByOrFail({ id: zoneId });
  const inUse = [zone.activePolicySetVersionId, zone.shadowPolicySetVersionId];
  const versions = await tx.getRepository(PolicySetVersion).findBy({ zoneId, policySetId: id });
  if (!versions.some((version) => inUse.includes(version.id))) return;
  throw new ConflictException('a version of the policy set is active, or tried');
}

/** Policy sets that have a version of a policy in any of theirs. @returns no filter where none was asked for */
function withPolicy(policyId: string | undefined): readonly Filter[] {
  if (policyId === undefined) return [];
  return [{ sql: WITH_POLICY, parameters: { with_policy: policyId } }];
}

const WITH_POLICY = `EXISTS (
  SELECT FROM policy_versions v
    JOIN policy_set_members m ON m.zone_id = v.zone_id AND m.policy_version_id = v.id
    JOIN policy_set_versions s ON s.zone_id = m.zone_id AND s.id = m.policy_set_version_id
   WHERE v.zone_id = row.zoneId AND v.policy_id = :with_policy AND s.policy_set_id = row.id)`;
