import { Body, ConflictException, Get, Patch, Res } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import { IsBoolean } from 'class-validator';
import type { Response } from 'express';
import type { EntityManager } from 'typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { MayBeNull } from '../../platform/http/validators.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { InstallationChange, type Change } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { TakesTwoPersons } from './takes-two-persons.js';
import { countApprovers } from './approvers.js';
import { FEWEST_APPROVERS } from './two-person-rule.js';

/** What is set for the whole installation. */
export interface SettingsView {
  /** Whether a second operator has to approve that a zone is deleted, or a policy activated. */
  readonly two_person_rule: boolean;
}

/** What is to change for the whole installation. */
export class SettingsChangeBody {
  /** Whether a second operator has to approve that a zone is deleted, or a policy activated; `null` is `false`. */
  @MayBeNull()
  @IsBoolean()
  two_person_rule?: boolean | null;
}

/** Shows and changes what is set for the whole installation. */
@AdminController('settings', { noun: 'operators' })
export class SettingsController {
  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
  ) {}

  /** Shows what is set for the whole installation. */
  @Get()
  async show(@Res({ passthrough: true }) response: Response): Promise<SettingsView> {
    return tagged(response, await view(this.read));
  }

  /**
   * Changes what is set for the whole installation (a merge patch, RFC 7396). The two-person rule is turned on only where two
   * named operators can approve, and to turn it off takes two persons.
   */
  @Patch()
  @ApiResponse({ status: 409, description: 'Fewer than two operators can approve' })
  @TakesTwoPersons()
  async change(
    @InstallationChange('two_person_rule.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { two_person_rule: wanted }: SettingsChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SettingsView> {
    let after: SettingsView | null = null;
    await this.changes.runWithoutZone(change, async (tx) => {
      // Who makes a change that takes two persons waits for this, and this for those.
      await tx.query('SELECT FROM administration FOR UPDATE');
      const before = await view(tx);
      precondition.check(entityTag(before));
      after = wanted === undefined ? before : { two_person_rule: wanted ?? false };
      if (after.two_person_rule === before.two_person_rule) return null;
      if (after.two_person_rule) await checkEnough(tx);
      await tx.query(SET_RULE, [after.two_person_rule]);
      const details = { before: before.two_person_rule, after: after.two_person_rule };
      return { result: after, details };
    });
    return tagged(response, after ?? (await view(this.read)));
  }
}

async function view(on: EntityManager): Promise<SettingsView> {
  const [row] = await on.query<{ on: boolean }[]>(
    'SELECT two_person_rule AS on FROM administration',
  );
  return { two_person_rule: row?.on ?? false };
}

const SET_RULE = 'UPDATE administration SET two_person_rule = $1';

async function checkEnough(tx: EntityManager): Promise<void> {
  if ((await countApprovers(tx)) >= FEWEST_APPROVERS) return;
  throw new ConflictException(
    'two named operators of all zones have to be able to approve (approvals:write), each with a key that it drew for itself',
  );
}
