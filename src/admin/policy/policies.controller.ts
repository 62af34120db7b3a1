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
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { Policy, PolicyVersion } from '../../policy/policy.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { PolicyBody, PolicyChangeBody, PolicyVersionBody } from './policy.body.js';
import { changeColumns, findMatching, type Administered } from '../administered.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { given } from '../given.js';
import { InZone } from '../in-zone.js';
import { NamedQuery, PageQuery } from '../pagination.body.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { addPolicyVersion, createPolicy } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS } from './policy-check.js';
import {
  toSummary,
  toVersionView,
  viewPolicies,
  viewPolicy,
  type NewPolicyVersionView,
  type NewPolicyView,
  type PolicyVersionView,
  type PolicyView,
  type UseOfPolicy,
} from './policy-view.js';

const POLICIES: Administered<Policy, PolicyView> = {
  entity: Policy,
  noun: 'policy',
  recordedAs: 'policy',
  view: viewPolicy,
};

/** Writes policies. A version is never changed; a correction is a new version. */
@AdminController('zones/:zone/policies', { noun: 'policies' })
export class PoliciesController {
  constructor(
    @InjectRepository(Policy) private readonly policies: Repository<Policy>,
    @InjectRepository(PolicyVersion) private readonly policyVersions: Repository<PolicyVersion>,
    private readonly changes: AuditedChanges,
    private readonly deletions: Deletions,
  ) {}

  /** Makes a policy with its first version. */
  @Post()
  @AnswerWithin(POLICY_WORK_MS)
  async create(
    @InZone() zone: Zone,
    @Change('policy.created') change: Change,
    @Body() body: PolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewPolicyView> {
    const { id: zoneId } = zone;
    const { name, description = null, content, author = change.operator.name } = body;
    const warnings = await this.check(zone, name, content);
    const { policy, version } = await this.changes.run(change, async (tx) => {
      const made = await createPolicy(tx, zoneId, { name, description, content, author });
      const result = { policy: await viewPolicy(tx, made.policy), version: made.version };
      return { result, details: { policy: result.policy, version: toSummary(made.version) } };
    });
    response.location(`/internal/zones/${zoneId}/policies/${policy.id}`);
    return { ...tagged(response, policy), version: toVersionView(version), warnings };
  }

  /** Lists policies: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: NamedQuery,
  ): Promise<Page<PolicyView>> {
    const { items, ...rest } = await readPage(this.policies, { zoneId }, query, (row) => row, [
      ...having('name', query.name),
      ...containing(['name', 'description'], query.search),
    ]);
    return { items: await viewPolicies(this.policies, items), ...rest };
  }

  /** Shows a policy. Its ETag is another once it has another version. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    const row = await findRow(this.policies, { zoneId, id }, 'policy');
    return tagged(response, await viewPolicy(this.policies, row));
  }

  /**
   * Changes what a policy is called, or what is said of it (a merge patch, RFC 7396). Of one that is in a policy set the
   * name stays: every decision by that set has it in its hash.
   */
  @Patch(':id')
  @ApiResponse({ status: 409, description: 'A version of it is in a policy set' })
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { name, description }: PolicyChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    const changed = await this.changes.run(change, (tx) =>
      changeColumns(tx, POLICIES, { zoneId, id }, precondition, async (before) => {
        const renamed = name !== undefined && name !== before.name;
        if (renamed && (await memberships(tx, before)) > 0) {
          throw new ConflictException(
            'a version of the policy is in a policy set, whose hash has its name: make another policy',
          );
        }
        return given({ name, description });
      }),
    );
    return tagged(response, changed);
  }

  /** Removes a policy with its versions, if none of them is in a policy set. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 409, description: 'A version of it is in a policy set' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('policy.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<PolicyView, UseOfPolicy>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, POLICIES, {
      where: { zoneId, id },
      check: async (tx, policy) => {
        if ((await memberships(tx, policy)) === 0) return;
        throw new ConflictException('a version of the policy is in a policy set');
      },
      affects: async (tx) => ({
        versions: await tx.getRepository(PolicyVersion).countBy({ zoneId, policyId: id }),
      }),
    });
  }

  /** Adds a version. With `If-Match` only if the policy is as it was, its newest version included. */
  @Post(':id/versions')
  @AnswerWithin(POLICY_WORK_MS)
  async addVersion(
    @InZone() zone: Zone,
    @Param('id') id: string,
    @Change('policy_version.created') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: PolicyVersionBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewPolicyVersionView> {
    const { id: zoneId } = zone;
    const policy = await findRow(this.policies, { zoneId, id }, 'policy');
    const warnings = await this.check(zone, policy.name, body.content);
    const version = await this.changes.run(change, async (tx) => {
      const { row, view } = await findMatching(tx, POLICIES, { zoneId, id }, precondition);
      const result = await addPolicyVersion(tx, row, {
        content: body.content,
        author: body.author ?? change.operator.name,
      });
      return { result, details: { policy: view, version: toSummary(result) } };
    });
    response.location(`/internal/zones/${zoneId}/policies/${id}/versions/${version.id}`);
    return { ...toVersionView(version), warnings };
  }

  /** Lists the versions of a policy. */
  @Get(':id/versions')
  async versions(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policyId: string,
    @Query() page: PageQuery,
  ): Promise<Page<PolicyVersionView>> {
    await findRow(this.policies, { zoneId, id: policyId }, 'policy');
    return readPage(this.policyVersions, { zoneId, policyId }, page, toVersionView);
  }

  /** Shows a version of a policy. */
  @Get(':id/versions/:version')
  async version(
    @InZone() { id: zoneId }: Zone,
    @Param('id') policyId: string,
    @Param('version') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyVersionView> {
    await findRow(this.policies, { zoneId, id: policyId }, 'policy');
    const row = await findRow(this.policyVersions, { zoneId, policyId, id }, 'policy version');
    return tagged(response, toVersionView(row));
  }

  private check({ policySchemaExtension }: Zone, name: string, content: string) {
    return checkPolicies([{ id: name, content }], policySchemaExtension);
  }
}

/** In how many versions of policy sets versions of a policy are. */
async function memberships(tx: EntityManager, { zoneId, id }: Policy): Promise<number> {
  const [row] = await tx.query<{ count: number }[]>(MEMBERSHIPS, [zoneId, id]);
  return row?.count ?? 0;
}

const MEMBERSHIPS = `
  SELECT count(DISTINCT m.policy_set_version_id)::int AS count
    FROM policy_versions v
    JOIN policy_set_members m ON m.zone_id = v.zone_id AND m.policy_version_id = v.id
   WHERE v.zone_id = $1 AND v.policy_id = $2`;
