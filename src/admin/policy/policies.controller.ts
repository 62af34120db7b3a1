import { Body, Get, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { Policy, PolicyVersion } from '../../policy/policy.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { PolicyBody, PolicyVersionBody } from './policy.body.js';
import { AuditedChanges, OPERATOR } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { addPolicyVersion, createPolicy } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';

function toView({ id, name, createdAt }: Policy) {
  return { id, name, created_at: createdAt };
}

function toVersionView(row: PolicyVersion) {
  return { ...toEventView(row), content: row.content, created_at: row.createdAt };
}

function toEventView({ id, policyId, version, sha256, author }: PolicyVersion) {
  return { id, policy_id: policyId, version, sha256, author };
}

/** Writes policies. A version is never changed; a correction is a new version. */
@AdminController('zones/:zone/policies')
export class PoliciesController {
  constructor(
    @InjectRepository(Policy) private readonly policies: Repository<Policy>,
    @InjectRepository(PolicyVersion) private readonly policyVersions: Repository<PolicyVersion>,
    private readonly changes: AuditedChanges,
  ) {}

  /** Makes a policy with its first version. */
  @Post()
  @AnswerWithin(POLICY_WORK_MS)
  async create(
    @InZone() zone: Zone,
    @Change('policy.created') change: Change,
    @Body() body: PolicyBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { id: zoneId } = zone;
    const { name, content, author = OPERATOR } = body;
    const warnings = await this.check(zone, name, content);
    const { policy, version } = await this.changes.run(change, async (tx) => {
      const result = await createPolicy(tx, zoneId, { name, content, author });
      return {
        result,
        details: { policy: toView(result.policy), version: toEventView(result.version) },
      };
    });
    response.location(`/internal/zones/${zoneId}/policies/${policy.id}`);
    return { ...toView(policy), version: toVersionView(version), warnings };
  }

  /** Lists policies. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.policies, { zoneId }, page, toView);
  }

  /** Shows a policy. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.policies, { zoneId, id }, 'policy'));
  }

  /** Adds a version. */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @InZone() zone: Zone,
    @Param('id') id: string,
    @Change('policy_version.created') change: Change,
    @Body() body: PolicyVersionBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const policy = await findRow(this.policies, { zoneId: zone.id, id }, 'policy');
    const warnings = await this.check(zone, policy.name, body.content);
    const version = await this.changes.run(change, async (tx) => {
      const result = await addPolicyVersion(tx, policy, {
        content: body.content,
        author: body.author ?? OPERATOR,
      });
      return { result, details: { policy: toView(policy), version: toEventView(result) } };
    });
    response.location(`/internal/zones/${zone.id}/policies/${id}/versions/${version.id}`);
    return { ...toVersionView(version), warnings };
  }

  /** Lists the versions of a policy. */
  @Get(':id/versions')
  async versions(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policyId: string,
    @Query() page: PageQuery,
  ) {
    await findRow(this.policies, { zoneId, id: policyId }, 'policy');
    return readPage(this.policyVersions, { zoneId, policyId }, page, toVersionView);
  }

  /** Shows a version of a policy. */
  @Get(':id/versions/:version')
  async version(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policyId: string,
    @Param('version') id: string,
  ) {
    await findRow(this.policies, { zoneId, id: policyId }, 'policy');
    return toVersionView(
      await findRow(this.policyVersions, { zoneId, policyId, id }, 'policy version'),
    );
  }

  private check({ policySchemaExtension }: Zone, name: string, content: string) {
    return checkPolicies([{ id: name, content }], policySchemaExtension);
  }
}
