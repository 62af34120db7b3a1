import {
  Body,
  Get,
  Param,
  Post,
  Query,
  Req,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { loadVersions } from '../../policy/engine/load-modules.js';
import { PolicySet, PolicySetVersion } from '../../policy/policy-set.entity.js';
import { AdminController } from '../admin-controller.js';
import { PolicySetBody, PolicySetVersionBody } from './policy.body.js';
import { found, OPERATOR, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { addPolicySetVersion, createPolicySet, membersOf } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';

function view({ id, name, createdAt }: PolicySet) {
  return { id, name, created_at: createdAt };
}

function versionView({
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
  constructor(private readonly changes: AuditedChanges) {}

  /** Makes a policy set. */
  @Post()
  async create(
    @Param('zone') zoneId: string,
    @Body() body: PolicySetBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy_set.created' };
    const set = await this.changes.run(change, async (tx) => {
      const result = await createPolicySet(tx, zoneId, body.name);
      return { result, details: { policy_set: view(result) } };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${set.id}`);
    return view(set);
  }

  /** Lists policy sets. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, PolicySet, { zoneId }, page, view);
  }

  /** Shows a policy set. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await this.find(zoneId, id));
  }

  /** Adds a version: a manifest of policy versions. */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() body: PolicySetVersionBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const set = await this.find(zoneId, id);
    const zone = await zoneExists(this.changes.read, zoneId);
    const policyVersionIds = [...new Set(body.policy_version_ids)].toSorted();
    const { modules, problem } = await loadVersions(this.changes.read, zoneId, policyVersionIds);
    if (problem !== null) throw new UnprocessableEntityException(problem);
    const warnings = await checkPolicies(modules, zone.policySchemaExtension);
    const author = body.author ?? OPERATOR;
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy_set_version.created' };
    const version = await this.changes.run(change, async (tx) => {
      const result = await addPolicySetVersion(tx, set, { policyVersionIds, modules, author });
      return {
        result,
        details: {
          policy_set: view(set),
          version: versionView(result),
          policy_version_ids: policyVersionIds,
        },
      };
    });
    response.location(`/internal/zones/${zoneId}/policy-sets/${id}/versions/${version.id}`);
    return { ...versionView(version), policy_version_ids: policyVersionIds, warnings };
  }

  /** Lists the versions of a policy set. */
  @Get(':id/versions')
  async versions(
    @Param('zone') zoneId: string,
    @Param('id') policySetId: string,
    @Query() page: PageQuery,
  ) {
    await this.find(zoneId, policySetId);
    return readPage(
      this.changes.read,
      PolicySetVersion,
      { zoneId, policySetId },
      page,
      versionView,
    );
  }

  /** Shows a version of a policy set, with its manifest. */
  @Get(':id/versions/:version')
  async version(
    @Param('zone') zoneId: string,
    @Param('id') policySetId: string,
    @Param('version') id: string,
  ) {
    await this.find(zoneId, policySetId);
    const where = { zoneId, policySetId, id };
    const row = isUuid(id) ? await this.changes.read.findOne(PolicySetVersion, { where }) : null;
    const version = found(row, 'policy set version');
    return {
      ...versionView(version),
      policy_version_ids: await membersOf(this.changes.read, version),
    };
  }

  private async find(zoneId: string, id: string): Promise<PolicySet> {
    await zoneExists(this.changes.read, zoneId);
    const row = isUuid(id)
      ? await this.changes.read.findOne(PolicySet, { where: { zoneId, id } })
      : null;
    return found(row, 'policy set');
  }
}
