import { Body, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Policy, PolicyVersion } from '../../policy/policy.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { PolicyBody, PolicyVersionBody } from './policy.body.js';
import { found, OPERATOR, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { addPolicyVersion, createPolicy } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';

function view({ id, name, createdAt }: Policy) {
  return { id, name, created_at: createdAt };
}

function versionView(row: PolicyVersion) {
  return { ...eventView(row), content: row.content, created_at: row.createdAt };
}

function eventView({ id, policyId, version, sha256, author }: PolicyVersion) {
  return { id, policy_id: policyId, version, sha256, author };
}

/** Writes policies. A version is never changed; a correction is a new version. */
@AdminController('zones/:zone/policies')
export class PoliciesController {
  constructor(private readonly changes: AuditedChanges) {}

  /** Makes a policy with its first version. */
  @Post()
  @AnswerWithin(POLICY_WORK_MS)
  async create(
    @Param('zone') zoneId: string,
    @Body() body: PolicyBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const zone = await zoneExists(this.changes.read, zoneId);
    const { name, content, author = OPERATOR } = body;
    const warnings = await this.check(zone, name, content);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy.created' };
    const { policy, version } = await this.changes.run(change, async (tx) => {
      const result = await createPolicy(tx, zoneId, { name, content, author });
      return {
        result,
        details: { policy: view(result.policy), version: eventView(result.version) },
      };
    });
    response.location(`/internal/zones/${zoneId}/policies/${policy.id}`);
    return { ...view(policy), version: versionView(version), warnings };
  }

  /** Lists policies. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, Policy, { zoneId }, page, view);
  }

  /** Shows a policy. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await this.find(zoneId, id));
  }

  /** Adds a version. */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() body: PolicyVersionBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const policy = await this.find(zoneId, id);
    const zone = await zoneExists(this.changes.read, zoneId);
    const warnings = await this.check(zone, policy.name, body.content);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy_version.created' };
    const version = await this.changes.run(change, async (tx) => {
      const result = await addPolicyVersion(tx, policy, {
        content: body.content,
        author: body.author ?? OPERATOR,
      });
      return { result, details: { policy: view(policy), version: eventView(result) } };
    });
    response.location(`/internal/zones/${zoneId}/policies/${id}/versions/${version.id}`);
    return { ...versionView(version), warnings };
  }

  /** Lists the versions of a policy. */
  @Get(':id/versions')
  async versions(
    @Param('zone') zoneId: string,
    @Param('id') policyId: string,
    @Query() page: PageQuery,
  ) {
    await this.find(zoneId, policyId);
    return readPage(this.changes.read, PolicyVersion, { zoneId, policyId }, page, versionView);
  }

  /** Shows a version of a policy. */
  @Get(':id/versions/:version')
  async version(
    @Param('zone') zoneId: string,
    @Param('id') policyId: string,
    @Param('version') id: string,
  ) {
    await this.find(zoneId, policyId);
    const where = { zoneId, policyId, id };
    const row = isUuid(id) ? await this.changes.read.findOne(PolicyVersion, { where }) : null;
    return versionView(found(row, 'policy version'));
  }

  private check({ policySchemaExtension }: Zone, name: string, content: string) {
    return checkPolicies([{ id: name, content }], policySchemaExtension);
  }

  private async find(zoneId: string, id: string): Promise<Policy> {
    await zoneExists(this.changes.read, zoneId);
    const row = isUuid(id)
      ? await this.changes.read.findOne(Policy, { where: { zoneId, id } })
      : null;
    return found(row, 'policy');
  }
}
