import { Body, Get, Param, Post, Query, Res, UnprocessableEntityException } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { loadVersions } from '../../policy/engine/load-modules.js';
import { PolicySet, PolicySetVersion } from '../../policy/policy-set.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { PolicySetBody, PolicySetVersionBody } from './policy.body.js';
import { AuditedChanges, OPERATOR } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { addPolicySetVersion, createPolicySet, membersOf } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';

function toView({ id, name, createdAt }: PolicySet) {
  return { id, name, created_at: createdAt };
}

function toVersionView({
  id,
  policySetId,
  version,
  manifestSha256,
  author,
  createdAt,
}: PolicySetVersion) {
  return {
    id,
    policy_set_id: policySetId,
    version,
    manifest_sha256: manifestSha256,
    author,
    created_at: createdAt,
  };
}

/** Puts policy versions together to sets that can be activated. */
@AdminController('zones/:zone/policy-sets')
export class PolicySetsController {
  constructor(
    @InjectRepository(PolicySet) private readonly sets: Repository<PolicySet>,
    @InjectRepository(PolicySetVersion) private readonly setVersions: Repository<PolicySetVersion>,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
  ) {}

  /** Makes a policy set. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_set.created') change: Change,
    @Body() body: PolicySetBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const set = await this.changes.run(change, async (tx) => {
      const result = await createPolicySet(tx, zoneId, body.name);
      return { result, details: { policy_set: toView(result) } };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${set.id}`);
    return toView(set);
  }

  /** Lists policy sets. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.sets, { zoneId }, page, toView);
  }

  /** Shows a policy set. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.sets, { zoneId, id }, 'policy set'));
  }

  /** Adds a version: a manifest of policy versions. */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @InZone() { id: zoneId, policySchemaExtension }: Zone,
    @Param('id') id: string,
    @Change('policy_set_version.created') change: Change,
    @Body() body: PolicySetVersionBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const set = await findRow(this.sets, { zoneId, id }, 'policy set');
    const policyVersionIds = [...new Set(body.policy_version_ids)].toSorted();
    const { modules, problem } = await loadVersions(this.read, zoneId, policyVersionIds);
    if (problem !== null) throw new UnprocessableEntityException(problem);
    const warnings = await checkPolicies(modules, policySchemaExtension);
    const author = body.author ?? OPERATOR;
    const version = await this.changes.run(change, async (tx) => {
      const result = await addPolicySetVersion(tx, set, { policyVersionIds, modules, author });
      return {
        result,
        details: {
          policy_set: toView(set),
          version: toVersionView(result),
          policy_version_ids: policyVersionIds,
        },
      };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${id}/versions/${version.id}`);
    return { ...toVersionView(version), policy_version_ids: policyVersionIds, warnings };
  }

  /** Lists the versions of a policy set. */
  @Get(':id/versions')
  async versions(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policySetId: string,
    @Query() page: PageQuery,
  ) {
    await findRow(this.sets, { zoneId, id: policySetId }, 'policy set');
    return readPage(this.setVersions, { zoneId, policySetId }, page, toVersionView);
  }

  /** Shows a version of a policy set, with its manifest. */
  @Get(':id/versions/:version')
  async version(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policySetId: string,
    @Param('version') id: string,
  ) {
    await findRow(this.sets, { zoneId, id: policySetId }, 'policy set');
    const where = { zoneId, policySetId, id };
    const version = await findRow(this.setVersions, where, 'policy set version');
    return {
      ...toVersionView(version),
      policy_version_ids: await membersOf(this.read, version),
    };
  }
}
