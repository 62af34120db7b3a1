import { BadRequestException, Body, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { StepUpType } from '../../zones/step-up-type.entity.js';
import {
  defaultTerms,
  DEFAULT_TYPE,
  impossibilityOf,
  subjectMustSatisfy,
} from '../../step-up/type-terms.js';
import { termsIn, type StepUpTerms } from '../../zones/step-up-terms.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { InZone } from '../in-zone.js';
import { StepUpTypeBody } from './step-up-type.body.js';

const TYPE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
/** Shown also where the zone has said nothing about them. */
const USUAL = [DEFAULT_TYPE, 'approval'];

function toView(type: string, terms: StepUpTerms, isDefault: boolean) {
  return {
    type,
    lifetime_seconds: terms.lifetime_seconds,
    satisfied_by: terms.satisfied_by,
    quorum: terms.quorum,
    requester_may_satisfy: terms.requester_may_satisfy,
    subject_may_satisfy: terms.subject_may_satisfy,
    subject_must_satisfy: subjectMustSatisfy(type, terms),
    acr: terms.acr,
    reuse_seconds: terms.reuse_seconds,
    default: isDefault,
  };
}

function checkName(type: string): void {
  if (!TYPE.test(type)) throw new BadRequestException('this is no name of a type');
}

/** Says how a zone wants challenges dealt with, by type. */
@AdminController('zones/:zone/step-up-types')
export class StepUpTypesController {
  constructor(
    @InjectRepository(StepUpType) private readonly types: Repository<StepUpType>,
    private readonly changes: AuditedChanges,
  ) {}

  /** Lists the types that the zone has terms of its own for, and the usual ones. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone) {
    const rows = await this.types.find({ where: { zoneId }, order: { type: 'ASC' } });
    const own = rows.map((row) => toView(row.type, termsIn(row), false));
    const usual = USUAL.filter((type) => !rows.some((row) => row.type === type));
    return { items: [...own, ...usual.map((type) => toView(type, defaultTerms(type), true))] };
  }

  /** Sets the terms of a type. Challenges that are open keep theirs. */
  @Put(':type')
  async set(
    @InZone() { id: zoneId }: Zone,
    @Param('type') type: string,
    @Change('step_up_type.set') change: Change,
    @Body() body: StepUpTypeBody,
  ) {
    checkName(type);
    const impossible = impossibilityOf(body);
    if (impossible !== null) throw new BadRequestException(impossible);
    return this.changes.run(change, async (tx) => {
      await tx.getRepository(StepUpType).upsert(
        {
          zoneId,
          type,
          lifetimeSeconds: body.lifetime_seconds,
          satisfiedBy: body.satisfied_by,
          quorum: body.quorum,
          requesterMaySatisfy: body.requester_may_satisfy,
          subjectMaySatisfy: body.subject_may_satisfy,
          subjectMustSatisfy: body.subject_must_satisfy ?? null,
          acr: body.acr,
          reuseSeconds: body.reuse_seconds,
        },
        ['zoneId', 'type'],
      );
      const result = toView(type, body, false);
      return { result, details: { step_up_type: result } };
    });
  }

  /** Goes back to the default terms of a type. */
  @Delete(':type')
  @HttpCode(204)
  async reset(
    @InZone() { id: zoneId }: Zone,
    @Param('type') type: string,
    @Change('step_up_type.reset') change: Change,
  ): Promise<void> {
    checkName(type);
    await this.changes.run(change, async (tx) => {
      await tx.getRepository(StepUpType).delete({ zoneId, type });
      return { result: undefined, details: { step_up_type: { type } } };
    });
  }
}
