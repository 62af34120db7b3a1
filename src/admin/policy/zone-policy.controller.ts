import {
  BadRequestException,
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Put,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { TooHeavy, weighSet } from '../../policy/background/weigh-set.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { ShadowDifference } from '../../policy/shadow-difference.entity.js';
import { Shadow } from '../../policy/shadow.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { activate, isWithdrawn } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { PolicySchemaBody, PolicySetVersionReferenceBody } from './policy.body.js';
import { describeWeight, type WeightView } from './policy-weight.js';
import { summarise } from './shadow-summary.js';

function toView({ id, activePolicySetVersionId, policyActivatedAt }: Zone) {
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

const REFUSED_FOR_WEIGHT = {
  status: 400,
  description: 'Malformed, or a set by which the largest inputs cannot be decided in time',
} as const;

/** Says which policy set version decides in a zone, which is tried, and what policies may ask. */
@AdminController('zones/:zone/policy')
export class ZonePolicyController {
  constructor(
    @InjectRepository(PolicySetVersion) private readonly setVersions: Repository<PolicySetVersion>,
    @InjectRepository(ShadowDifference) private readonly shadowed: Repository<ShadowDifference>,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
    private readonly policySets: PolicySets,
    private readonly shadow: Shadow,
  ) {}

  /** Shows which policy set version is active. Its ETag is what `If-Match` takes. */
  @Get()
  show(@InZone() zone: Zone, @Res({ passthrough: true }) response: Response) {
    response.setHeader('ETag', etagOf(zone));
    return toView(zone);
  }

  /**
   * Activates a policy set version. It decides from the next request on, on every replica. With
   * `If-Match` only if what that names is still the active one. Its weight is what decisions by it may take; warnings
   * say what to do about much of it. Policies that were withdrawn are not activated for a day.
   */
  @Put()
  @AnswerWithin(POLICY_WORK_MS)
  @ApiResponse(REFUSED_FOR_WEIGHT)
  @ApiResponse({ status: 409, description: 'The policies were withdrawn within the last day' })
  async activate(
    @InZone() { id: zoneId }: Zone,
    @Change('policy.activated') change: Change,
    @Body() body: PolicySetVersionReferenceBody,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ) {
    const weight = await this.prepare(zoneId, body.policy_set_version_id);
    const zone = await this.changes.run(change, async (tx, before) => {
      precondition.check(etagOf(before));
      if (await isWithdrawn(tx, zoneId, body.policy_set_version_id)) {
        throw new ConflictException(
          'the policies were withdrawn within the last day: no mandate by them would be accepted',
        );
      }
      await activate(tx, zoneId, body.policy_set_version_id);
      const after = await tx.getRepository(Zone).findOneByOrFail({ id: zoneId });
      return {
        result: after,
        details: {
          before: before.activePolicySetVersionId,
          after: after.activePolicySetVersionId,
          ...weight,
        },
      };
    });
    response.setHeader('ETag', etagOf(zone));
    return { ...toView(zone), ...weight };
  }

  /** Shows what the candidate would have decided otherwise, and for whom. */
  @Get('shadow')
  async differences(@InZone() zone: Zone) {
    const { id: zoneId, shadowPolicySetVersionId: policySetVersionId } = zone;
    await this.shadow.storeAnswered(zoneId, this.read);
    const rows =
      policySetVersionId === null ? [] : await this.shadowed.findBy({ zoneId, policySetVersionId });
    return { zone_id: zoneId, policy_set_version_id: policySetVersionId, ...summarise(rows) };
  }

  /** Tries a candidate on live requests from now on. It decides nothing. */
  @Put('shadow')
  @AnswerWithin(POLICY_WORK_MS)
  @ApiResponse(REFUSED_FOR_WEIGHT)
  async attach(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_shadow.changed') change: Change,
    @Body() body: PolicySetVersionReferenceBody,
  ) {
    const weight = await this.prepare(zoneId, body.policy_set_version_id);
    return { ...(await this.setShadow(change, body.policy_set_version_id, weight)), ...weight };
  }

  /** Stops trying the candidate. What was counted stays, and goes on if it is tried again. */
  @Delete('shadow')
  @HttpCode(204)
  async detach(
    @InZone() _zone: Zone,
    @Change('policy_shadow.changed') change: Change,
  ): Promise<void> {
    await this.setShadow(change, null);
  }

  /** Shows what this zone adds to the Cedar schema. */
  @Get('schema')
  schema(@InZone() { id, policySchemaExtension }: Zone) {
    return { zone_id: id, extension: policySchemaExtension };
  }

  /** Adds to the Cedar schema that this zone's policies are validated against when they are written. */
  @Put('schema')
  async extendSchema(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_schema.changed') change: Change,
    @Body() { extension }: PolicySchemaBody,
  ) {
    await checkPolicies([], extension);
    return this.changes.run(change, async (tx, before) => {
      await tx.getRepository(Zone).update({ id: zoneId }, { policySchemaExtension: extension });
      return {
        result: { zone_id: zoneId, extension },
        details: { before: before.policySchemaExtension, after: extension },
      };
    });
  }

  /**
   * Has a set version compiled before it is needed, so that this replica goes on deciding by the old
   * one meanwhile, and so that no set is activated that could only deny; and weighed, none that could not
   * decide in time.
   *
   * @throws {HttpException} 404, 422 for a set that cannot be used, 400 for one that is too heavy
   */
  private async prepare(zoneId: string, setVersionId: string): Promise<WeightView> {
    const version = await this.setVersions.findOneBy({ zoneId, id: setVersionId });
    found(version, 'policy set version');
    const opened = await withPolicy(async () =>
      this.policySets.open(await this.policySets.read(this.read, zoneId, setVersionId)),
    );
    if (opened.status === 'broken') throw new UnprocessableEntityException(opened.problem);
    if (opened.status === 'none') throw new Error('a set version was named, and none was opened');
    const { compiled } = opened;
    try {
      return describeWeight(await withPolicy(() => weighSet(zoneId, compiled)));
    } catch (error) {
      if (!(error instanceof TooHeavy)) throw error;
      throw new BadRequestException(`the policy set is too heavy: ${error.message}`, {
        cause: error,
      });
    }
  }

  private setShadow(change: Change, candidate: string | null, weight: WeightView | null = null) {
    return this.changes.run(change, async (tx, before) => {
      const { id } = before;
      await tx.getRepository(Zone).update({ id }, { shadowPolicySetVersionId: candidate });
      return {
        result: { zone_id: id, policy_set_version_id: candidate },
        details: { before: before.shadowPolicySetVersionId, after: candidate, ...weight },
      };
    });
  }
}
