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
import { TakesTwoPersons } from '../approvals/takes-two-persons.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { holdToBudget } from '../policy-replays/change-budget.js';
import { activate, isWithdrawn } from './policy-authoring.js';
import { checkPolicies, POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { ActivationBody, PolicySchemaBody, PolicySetVersionReferenceBody } from './policy.body.js';
import { describeWeight, type WeightView } from './policy-weight.js';
import { summarise, type ShadowSummary } from './shadow-summary.js';
import {
  etagOf,
  shadowEtagOf,
  toSchemaView,
  toView,
  type ActivatedPolicyView,
  type NewShadowView,
  type PolicySchemaView,
  type ShadowView,
  type ZonePolicyView,
} from './zone-policy-view.js';

const REFUSED_FOR_WEIGHT = {
  status: 400,
  description: 'Malformed, or a set by which the largest inputs cannot be decided in time',
} as const;

/** Says which policy set version decides in a zone, which is tried, and what policies may ask. */
@AdminController('zones/:zone/policy', { noun: 'policies' })
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
  show(@InZone() zone: Zone, @Res({ passthrough: true }) response: Response): ZonePolicyView {
    response.setHeader('ETag', etagOf(zone));
    return toView(zone);
  }

  /**
   * Activates a policy set version. It decides from the next request on, on every replica. With
   * `If-Match` only if what that names is still the active one. Its weight is what decisions by it may take; warnings
   * say what to do about much of it. Policies that were withdrawn are not activated for a day. With `max_changes`, and
   * where the zone has a `policy_max_changes`, only if a replay has found no more decisions that would be other ones.
   */
  @Put()
  @AnswerWithin(POLICY_WORK_MS)
  @ApiResponse(REFUSED_FOR_WEIGHT)
  @ApiResponse({
    status: 409,
    description:
      'The policies were withdrawn within the last day, or no replay shows that they keep to `max_changes`, or to `policy_max_changes` of the zone',
  })
  @TakesTwoPersons()
  async activate(
    @InZone() { id: zoneId }: Zone,
    @Change('policy.activated') change: Change,
    @Body() body: ActivationBody,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ActivatedPolicyView> {
    const weight = await this.prepare(zoneId, body.policy_set_version_id);
    const zone = await this.changes.run(change, async (tx, before) => {
      precondition.check(etagOf(before));
      if (await isWithdrawn(tx, zoneId, body.policy_set_version_id)) {
        throw new ConflictException(
          'the policies were withdrawn within the last day: no mandate by them would be accepted',
        );
      }
      const budget = await holdToBudget(tx, before, body.policy_set_version_id, body.max_changes);
      await activate(tx, zoneId, body.policy_set_version_id);
      const after = await tx.getRepository(Zone).findOneByOrFail({ id: zoneId });
      return {
        result: after,
        details: {
          before: before.activePolicySetVersionId,
          after: after.activePolicySetVersionId,
          ...weight,
          ...(budget === null ? {} : { budget }),
        },
      };
    });
    response.setHeader('ETag', etagOf(zone));
    return { ...toView(zone), ...weight };
  }

  /** Shows what the candidate would have decided otherwise, and for whom. Its ETag names the candidate. */
  @Get('shadow')
  async differences(
    @InZone() zone: Zone,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ShadowView & ShadowSummary> {
    const { id: zoneId, shadowPolicySetVersionId: policySetVersionId } = zone;
    await this.shadow.storeAnswered(zoneId, this.read);
    const rows =
      policySetVersionId === null ? [] : await this.shadowed.findBy({ zoneId, policySetVersionId });
    response.setHeader('ETag', shadowEtagOf(zone));
    return { zone_id: zoneId, policy_set_version_id: policySetVersionId, ...summarise(rows) };
  }

  /** Tries a candidate on live requests from now on. It decides nothing. */
  @Put('shadow')
  @AnswerWithin(POLICY_WORK_MS)
  @ApiResponse(REFUSED_FOR_WEIGHT)
  async attach(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_shadow.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: PolicySetVersionReferenceBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewShadowView> {
    const candidate = body.policy_set_version_id;
    const weight = await this.prepare(zoneId, candidate);
    const shadow = await this.setShadow(change, precondition, candidate, weight);
    response.setHeader('ETag', `"${candidate}"`);
    return { ...shadow, ...weight };
  }

  /** Stops trying the candidate. What was counted stays, and goes on if it is tried again. */
  @Delete('shadow')
  @HttpCode(204)
  async detach(
    @InZone() _zone: Zone,
    @Change('policy_shadow.changed') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    await this.setShadow(change, precondition, null);
  }

  /** Shows what this zone adds to the Cedar schema. */
  @Get('schema')
  schema(@InZone() zone: Zone, @Res({ passthrough: true }) response: Response): PolicySchemaView {
    return tagged(response, toSchemaView(zone));
  }

  /** Adds to the Cedar schema that this zone's policies are validated against when they are written. */
  @Put('schema')
  async extendSchema(
    @InZone() { id: zoneId }: Zone,
    @Change('policy_schema.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { extension }: PolicySchemaBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicySchemaView> {
    await checkPolicies([], extension);
    const changed = await this.changes.run(change, async (tx, before) => {
      precondition.check(entityTag(toSchemaView(before)));
      await tx.getRepository(Zone).update({ id: zoneId }, { policySchemaExtension: extension });
      return {
        result: { zone_id: zoneId, extension },
        details: { before: before.policySchemaExtension, after: extension },
      };
    });
    return tagged(response, changed);
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

  private setShadow(
    change: Change,
    precondition: Precondition,
    candidate: string | null,
    weight: WeightView | null = null,
  ): Promise<ShadowView> {
    return this.changes.run(change, async (tx, before) => {
      const { id } = before;
      precondition.check(shadowEtagOf(before));
      await tx.getRepository(Zone).update({ id }, { shadowPolicySetVersionId: candidate });
      return {
        result: { zone_id: id, policy_set_version_id: candidate },
        details: { before: before.shadowPolicySetVersionId, after: candidate, ...weight },
      };
    });
  }
}
