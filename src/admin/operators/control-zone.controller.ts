import {
  Body,
  Delete,
  Get,
  HttpCode,
  Put,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import { IsUUID } from 'class-validator';
import type { Response } from 'express';
import { IsNull, type EntityManager } from 'typeorm';
import { whereItIs } from '../../oauth/away.js';
import { acrossZones } from '../../platform/database/at-zones.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Resource } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import { InstallationChange, UrgentInstallationChange, type Change } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { found } from '../find-row.js';
import { changeResource, createResource } from '../zones/resource-registration.js';
import { AdministrationChanges } from './administration-changes.service.js';
import { CONTROL_RESOURCE, CONTROL_SCOPES } from './control-scopes.js';
import { controlZoneOf } from './control-zone.js';
import { checkHasItself } from './giving.js';
import { CurrentOperator, type Operator } from './operator.js';

/** The zone whose mandates are to be operators. */
export class ControlZoneBody {
  /** The id of the zone. */
  @IsUUID()
  zone_id: string;
}

/** The zone whose mandates are operators, and how they are asked for. */
export interface ControlZoneView {
  readonly zone_id: string;
  /** What such mandates are for (`resource` of a token request). */
  readonly resource: string;
  /** What they can have: each is a permission. */
  readonly scopes: readonly string[];
}

/** Whoever names it can have its policy permit anybody anything, so it takes an owner's permissions. */
const OWNER = { role: 'owner', zones: null } as const;

/** Names the zone whose mandates are operators: its policy, step-up and ledger then say who administers, and with what. */
@AdminController('operators/control-zone', { noun: 'operators' })
export class ControlZoneController {
  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AdministrationChanges,
    private readonly inZones: AuditedChanges,
  ) {}

  /** Shows the control zone. There is none: 404. */
  @Get()
  async show(@Res({ passthrough: true }) response: Response): Promise<ControlZoneView> {
    return tagged(response, toView(found(await controlZoneOf(this.read), 'control zone')));
  }

  /**
   * Names the control zone, and registers there what its mandates are for, with a scope for each permission; asked again, it
   * adds those that are new. Mandates of the one before count no more.
   */
  @Put()
  @ApiResponse({ status: 422, description: 'There is no such zone' })
  async name(
    @CurrentOperator() operator: Operator,
    @UrgentInstallationChange('control_zone.named') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { zone_id: zoneId }: ControlZoneBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ControlZoneView> {
    checkHasItself(operator, OWNER);
    // What cannot be named gets no resource.
    precondition.check(tagOf(await controlZoneOf(this.read)));
    await checkCanBeNamed(this.read, zoneId);
    await this.inZones.run({ ...change, zoneId, type: 'control_zone.registered' }, registerIn);
    const named = await this.changes.run(change, async (tx) => {
      const before = await controlZoneOf(tx);
      precondition.check(tagOf(before));
      // It does not go meanwhile.
      await acrossZones(tx, () => checkCanBeNamed(tx, zoneId, { mode: 'for_no_key_update' }));
      await tx.query(NAME, [zoneId]);
      return { result: toView(zoneId), details: { before, after: zoneId } };
    });
    return tagged(response, named);
  }

  /** Has no zone be the control zone any more: no mandate is an operator. */
  @Delete()
  @HttpCode(204)
  async forget(
    @CurrentOperator() operator: Operator,
    @InstallationChange('control_zone.forgotten') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    checkHasItself(operator, OWNER);
    await this.changes.run(change, async (tx) => {
      const before = found(await controlZoneOf(tx), 'control zone');
      precondition.check(tagOf(before));
      await tx.query(FORGET);
      return { result: undefined, details: { before } };
    });
  }
}

/** The entity tag of the control zone; of none for `null`. */
function tagOf(zoneId: string | null): string {
  return entityTag(zoneId === null ? {} : toView(zoneId));
}

function toView(zoneId: string): ControlZoneView {
  return { zone_id: zoneId, resource: CONTROL_RESOURCE, scopes: CONTROL_SCOPES };
}

/** @throws {UnprocessableEntityException} if the zone is not there, or is elsewhere */
async function checkCanBeNamed(
  on: EntityManager,
  id: string,
  lock?: { readonly mode: 'for_no_key_update' },
): Promise<void> {
  const where = { id, removedAt: IsNull() };
  const zone = await on
    .getRepository(Zone)
    .findOne(lock === undefined ? { where } : { where, lock });
  if (zone === null) throw new UnprocessableEntityException('zone_id: no such zone');
  if (zone.away !== null) {
    throw new UnprocessableEntityException(`zone_id: ${whereItIs(zone.away)}`);
  }
}

/** Registers in a zone what mandates of operators are for. @returns `null` if all of it is registered */
async function registerIn(
  tx: EntityManager,
  { id: zoneId }: Zone,
): Promise<Made<undefined> | null> {
  const before = await tx
    .getRepository(Resource)
    .findOneBy({ zoneId, identifier: CONTROL_RESOURCE });
  const scopes = [...new Set([...(before?.scopes ?? []), ...CONTROL_SCOPES])];
  if (before === null) {
    const displayName = 'the administration of this installation';
    await createResource(tx, zoneId, { identifier: CONTROL_RESOURCE, scopes, displayName });
  } else {
    if (scopes.length === before.scopes.length) return null;
    await changeResource(tx, before, { scopes });
  }
  return { result: undefined, details: { resource: CONTROL_RESOURCE, scopes } };
}

const NAME = `
  INSERT INTO administration (control_zone_id) VALUES ($1)
  ON CONFLICT (one) DO UPDATE SET control_zone_id = EXCLUDED.control_zone_id`;
const FORGET = 'UPDATE administration SET control_zone_id = NULL';
