import {
  BadRequestException,
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { pendingOfType, type UseForChallenges } from './challenge-use.js';
import type { EntityManager, Repository } from 'typeorm';
import { StepUpType } from '../../zones/step-up-type.entity.js';
import { defaultTerms, DEFAULT_TYPE, impossibilityOf } from '../../step-up/type-terms.js';
import { termsIn, type StepUpTerms } from '../../zones/step-up-terms.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { given } from '../given.js';
import { InZone } from '../in-zone.js';
import { StepUpTypeBody, StepUpTypeChangeBody } from './step-up-type.body.js';
import { toView, type StepUpTypeView, type StepUpTypesView } from './step-up-type-view.js';

const TYPE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
/** Shown also where the zone has said nothing about them. */
const USUAL = [DEFAULT_TYPE, 'approval'];

function checkName(type: string): void {
  if (!TYPE.test(type)) throw new BadRequestException('this is no name of a type');
}

/** The terms that a zone has set for a type; `null` where it has said nothing. */
async function ownTerms(
  types: Repository<StepUpType>,
  zoneId: string,
  type: string,
): Promise<StepUpTerms | null> {
  const row = await types.findOneBy({ zoneId, type });
  return row === null ? null : termsIn(row);
}

/** What going back to the default terms of a type would come to. */
interface WouldReset extends WouldDelete<StepUpTypeView, UseForChallenges> {
  /** The terms that would count then. */
  readonly default: StepUpTypeView;
}

/** Says how a zone wants challenges dealt with, by type. */
@AdminController('zones/:zone/step-up-types', { noun: 'step-up-types' })
export class StepUpTypesController {
  constructor(
    @InjectRepository(StepUpType) private readonly types: Repository<StepUpType>,
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
  ) {}

  /** Lists the types that the zone has terms of its own for, and the usual ones. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone): Promise<StepUpTypesView> {
    const rows = await this.types.find({ where: { zoneId }, order: { type: 'ASC' } });
    const own = rows.map((row) => toView(row.type, termsIn(row), false));
    const usual = USUAL.filter((type) => !rows.some((row) => row.type === type));
    return { items: [...own, ...usual.map((type) => toView(type, defaultTerms(type), true))] };
  }

  /** Shows the terms of a type: the zone's own, else those that are usual for it. */
  @Get(':type')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('type') type: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StepUpTypeView> {
    checkName(type);
    return tagged(response, viewOf(type, await ownTerms(this.types, zoneId, type)));
  }

  /** Sets the terms of a type. Challenges that are open keep theirs. */
  @Put(':type')
  async set(
    @InZone() _zone: Zone,
    @Param('type') type: string,
    @Change('step_up_type.set') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: StepUpTypeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StepUpTypeView> {
    return tagged(response, await this.write(change, type, precondition, () => body));
  }

  /** Changes the terms of a type (a merge patch, RFC 7396). Challenges that are open keep theirs. */
  @Patch(':type')
  async change(
    @InZone() _zone: Zone,
    @Param('type') type: string,
    @Change('step_up_type.set') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: StepUpTypeChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StepUpTypeView> {
    const changed = (before: StepUpTerms) => patchedTerms(type, before, body);
    return tagged(response, await this.write(change, type, precondition, changed));
  }

  /** Goes back to the default terms of a type. */
  @Delete(':type')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What it would go back from and to (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'It is' })
  async reset(
    @InZone() { id: zoneId }: Zone,
    @Param('type') type: string,
    @Change('step_up_type.reset') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldReset> | undefined> {
    checkName(type);
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const view = viewOf(type, await ownTerms(tx.getRepository(StepUpType), zoneId, type));
        precondition.check(entityTag(view));
        const affects = await pendingOfType(tx, zoneId, type);
        const would = { delete: view, default: viewOf(type, null), affects };
        return { tag: entityTag(view), would };
      });
    }
    await this.changes.run(change, async (tx) => {
      const types = tx.getRepository(StepUpType);
      precondition.check(entityTag(viewOf(type, await ownTerms(types, zoneId, type))));
      await types.delete({ zoneId, type });
      return { result: undefined, details: { step_up_type: { type } } };
    });
    return undefined;
  }

  private write(
    change: Change,
    type: string,
    precondition: Precondition,
    changed: (before: StepUpTerms) => StepUpTerms,
  ): Promise<StepUpTypeView> {
    checkName(type);
    const { zoneId } = change;
    return this.changes.run(change, async (tx) => {
      const own = await ownTerms(tx.getRepository(StepUpType), zoneId, type);
      const before = viewOf(type, own);
      precondition.check(entityTag(before));
      const terms = changed(own ?? defaultTerms(type));
      const impossible = impossibilityOf(terms);
      if (impossible !== null) throw new BadRequestException(impossible);
      await store(tx, zoneId, type, terms);
      const result = toView(type, terms, false);
      return { result, details: { before, step_up_type: result } };
    });
  }
}

function viewOf(type: string, own: StepUpTerms | null): StepUpTypeView {
  return toView(type, own ?? defaultTerms(type), own === null);
}

/** Terms after a merge patch (RFC 7396): `null` gives what is usual for the type. */
function patchedTerms(type: string, before: StepUpTerms, patch: StepUpTypeChangeBody): StepUpTerms {
  const usual: Readonly<Record<string, unknown>> = {
    ...defaultTerms(type),
    // What is usual follows from the other terms.
    subject_must_satisfy: undefined,
  };
  const changed = Object.entries(given(patch)).map(
    ([name, value]) => [name, value ?? usual[name]] as const,
  );
  return { ...before, ...Object.fromEntries(changed) };
}

async function store(
  tx: EntityManager,
  zoneId: string,
  type: string,
  terms: StepUpTerms,
): Promise<void> {
  await tx.getRepository(StepUpType).upsert(
    {
      zoneId,
      type,
      lifetimeSeconds: terms.lifetime_seconds,
      satisfiedBy: [...terms.satisfied_by],
      quorum: terms.quorum,
      requesterMaySatisfy: terms.requester_may_satisfy,
      subjectMaySatisfy: terms.subject_may_satisfy,
      subjectMustSatisfy: terms.subject_must_satisfy ?? null,
      acr: terms.acr,
      reuseSeconds: terms.reuse_seconds,
    },
    ['zoneId', 'type'],
  );
}
