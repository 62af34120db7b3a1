import {
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  PreconditionFailedException,
  Put,
  Req,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { EntityManager } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { ShadowDifference } from '../../policy/shadow-difference.entity.js';
import { Shadow } from '../../policy/shadow.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { activate } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { PolicySchemaBody, PolicySetVersionReferenceBody } from './policy.body.js';
import { summarise } from './shadow-summary.js';

function view({ id, activePolicySetVersionId, policyActivatedAt }: Zone) {
  return {
    zone_id: id,
    policy_set_version_id: activePolicySetVersionId,
    activated_at: policyActivatedAt,
  };
}

/** Names what is active, for `If-Match`. */
function etagOf({ activePolicySetVersionId }: Zone): string {
  return `"${activePolicySetVersionId ?? 'none'}"`;
}

/** Whether `If-Match` lets a change of what has this ETag happen (RFC 9110 13.1.1). */
function matches(ifMatch: string | undefined, etag: string): boolean {
  if (ifMatch === undefined) return true;
  const expected = ifMatch.split(',').map((each) => each.trim());
  return expected.includes(etag) || expected.includes('*');
}

/** Says which policy set version decides in a zone, which is tried, and what policies may ask. */
@AdminController('zones/:zone/policy')
export class ZonePolicyController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly policySets: PolicySets,
    private readonly shadow: Shadow,
  ) {}

  /** Shows which policy set version is active. Its ETag is what `If-Match` takes. */
  @Get()
  async show(@Param('zone') zoneId: string, @Res({ passthrough: true }) response: Response) {
    const zone = await zoneExists(this.changes.read, zoneId);
    response.setHeader('ETag', etagOf(zone));
    return view(zone);
  }

  /**
   * Activates a policy set version. It decides from the next request on, on every replica. With
   * `If-Match` only if what that names is still the active one.
   */
  @Put()
  @AnswerWithin(POLICY_WORK_MS)
  @ApiHeader({ name: 'If-Match', required: false })
  async activate(
    @Param('zone') zoneId: string,
    @Body() body: PolicySetVersionReferenceBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await this.prepare(zoneId, body.policy_set_version_id);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy.activated' };
    const zone = await this.changes.run(change, async (tx) => {
      const before = await zoneExists(tx, zoneId);
      if (!matches(request.headers['if-match'], etagOf(before))) {
        throw new PreconditionFailedException('another policy set version is active');
      }
      await activate(tx, zoneId, body.policy_set_version_id);
      const after = await zoneExists(tx, zoneId);
      return {
        result: after,
        details: {
          before: before.activePolicySetVersionId,
          after: after.activePolicySetVersionId,
        },
      };
    });
    response.setHeader('ETag', etagOf(zone));
    return view(zone);
  }

  /** Shows what the candidate would have decided otherwise, and for whom. */
  @Get('shadow')
  async differences(@Param('zone') zoneId: string) {
    const zone = await zoneExists(this.changes.read, zoneId);
    const { shadowPolicySetVersionId: policySetVersionId } = zone;
    await this.shadow.store();
    const rows =
      policySetVersionId === null
        ? []
        : await this.changes.read.find(ShadowDifference, {
            where: { zoneId, policySetVersionId },
          });
    return { zone_id: zoneId, policy_set_version_id: policySetVersionId, ...summarise(rows) };
  }

  /** Tries a candidate on live requests from now on. It decides nothing. */
  @Put('shadow')
  @AnswerWithin(POLICY_WORK_MS)
  async attach(
    @Param('zone') zoneId: string,
    @Body() body: PolicySetVersionReferenceBody,
    @Req() request: Request,
  ) {
    await this.prepare(zoneId, body.policy_set_version_id);
    return this.setShadow(zoneId, request, body.policy_set_version_id);
  }

  /** Stops trying the candidate. What was counted stays, and goes on if it is tried again. */
  @Delete('shadow')
  @HttpCode(204)
  async detach(@Param('zone') zoneId: string, @Req() request: Request): Promise<void> {
    await zoneExists(this.changes.read, zoneId);
    await this.setShadow(zoneId, request, null);
  }

  /** Shows what this zone adds to the Cedar schema. */
  @Get('schema')
  async schema(@Param('zone') zoneId: string) {
    const zone = await zoneExists(this.changes.read, zoneId);
    return { zone_id: zoneId, extension: zone.policySchemaExtension };
  }

  /** Adds to the Cedar schema that this zone's policies are validated against when they are written. */
  @Put('schema')
  async extendSchema(
    @Param('zone') zoneId: string,
    @Body() { extension }: PolicySchemaBody,
    @Req() request: Request,
  ) {
    await zoneExists(this.changes.read, zoneId);
    await checkPolicies([], extension);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy_schema.changed' };
    return this.changes.run(change, async (tx) => {
      const before = await zoneExists(tx, zoneId);
      await tx.update(Zone, { id: zoneId }, { policySchemaExtension: extension });
      return {
        result: { zone_id: zoneId, extension },
        details: { before: before.policySchemaExtension, after: extension },
      };
    });
  }

  /**
   * Has a set version compiled before it is needed, so that this replica goes on deciding by the old
   * one meanwhile, and so that nobody activates what could only deny.
   */
  private async prepare(zoneId: string, setVersionId: string): Promise<void> {
    const { read } = this.changes;
    await zoneExists(read, zoneId);
    found(await findSetVersion(read, zoneId, setVersionId), 'policy set version');
    const opened = await withPolicy(async () =>
      this.policySets.open(await this.policySets.read(read, zoneId, setVersionId)),
    );
    if (opened.status === 'broken') throw new UnprocessableEntityException(opened.problem);
  }

  private setShadow(zoneId: string, request: Request, candidate: string | null) {
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy_shadow.changed' };
    return this.changes.run(change, async (tx) => {
      const before = await zoneExists(tx, zoneId);
      await tx.update(Zone, { id: zoneId }, { shadowPolicySetVersionId: candidate });
      return {
        result: { zone_id: zoneId, policy_set_version_id: candidate },
        details: { before: before.shadowPolicySetVersionId, after: candidate },
      };
    });
  }
}

function findSetVersion(tx: EntityManager, zoneId: string, id: string) {
  return tx.findOne(PolicySetVersion, { where: { zoneId, id } });
}
