import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Request, Response } from 'express';
import { IsNull, type Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { InstallationChange, UrgentInstallationChange, type Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { PageQuery } from '../pagination.body.js';
import { readPage, type Page } from '../pagination.js';
import { TakesTwoPersons } from '../approvals/takes-two-persons.js';
import { DrawnKeys, readExpiry, type Drawing, type Revoking } from './drawn-keys.service.js';
import { checkHasItself } from './giving.js';
import { OperatorKey } from './operator-key.entity.js';
import { OperatorRow } from './operator-row.entity.js';
import {
  toKeyView,
  toUsedKeyView,
  type NewOperatorKeyView,
  type OperatorKeyView,
  type UsedOperatorKeyView,
  type UseOfOperatorKey,
} from './operator-view.js';
import { OperatorKeyBody } from './operator.body.js';
import { CurrentOperator, type Operator } from './operator.js';
import { checkUnguessable } from './unguessable-request.js';

/** Draws, lists and revokes the keys of an operator. It may have several, so that one takes the place of another. */
@AdminController('operators/:operator/keys', { noun: 'operators' })
export class OperatorKeysController {
  constructor(
    @InjectRepository(OperatorRow) private readonly operators: Repository<OperatorRow>,
    @InjectRepository(OperatorKey) private readonly keys: Repository<OperatorKey>,
    private readonly drawn: DrawnKeys,
    private readonly dryRuns: DryRuns,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Draws a key. It is in the answer, and cannot be had again. Whoever draws it for somebody else may keep it: who bears it
   * draws one of its own with it (`…/me/keys`) before it approves anything. While the two-person rule is on, a key for
   * somebody else takes two persons. One for oneself is drawn with the key that is borne and is revoked along with it, but may be
   * good for more.
   */
  @Post()
  @TakesTwoPersons()
  async create(
    @Param('operator') operatorId: string,
    @CurrentOperator() operator: Operator,
    @InstallationChange('operator_key.created') change: Change,
    @Body() body: OperatorKeyBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewOperatorKeyView> {
    checkUnguessable(request);
    const { description = null, addresses = null } = body;
    const wanted = {
      description,
      addresses,
      expiresAt: readExpiry(body.expires_at, this.clock.now()),
    };
    const drawing: Drawing = {
      operatorId,
      createdBy: operator.id,
      drawnWith: borneOf(operator, operatorId),
      bounded: false,
      check: (of) => checkHasItself(operator, of),
    };
    const made = await this.drawn.draw(change, drawing, wanted);
    response.location(`/internal/operators/${operatorId}/keys/${made.id}`);
    response.setHeader('Cache-Control', 'no-store');
    const { key: _secret, ...view } = made;
    response.setHeader('ETag', entityTag(view));
    return made;
  }

  /** Lists the keys of an operator that were not revoked, those that have expired too. */
  @Get()
  async list(
    @Param('operator') operatorId: string,
    @Query() page: PageQuery,
  ): Promise<Page<UsedOperatorKeyView>> {
    await findRow(this.operators, { id: operatorId }, 'operator');
    return readPage(this.keys, { operatorId }, page, toUsedKeyView, 'row.revoked_at IS NULL');
  }

  /** Shows a key that was not revoked. */
  @Get(':id')
  async show(
    @Param('operator') operatorId: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<UsedOperatorKeyView> {
    await findRow(this.operators, { id: operatorId }, 'operator');
    const key = await findRow(this.keys, { operatorId, id, revokedAt: IsNull() }, 'key');
    response.setHeader('ETag', entityTag(toKeyView(key)));
    return toUsedKeyView(key);
  }

  /**
   * Revokes a key, and those that its operator drew with it, since whoever had it may have drawn them; but not the key that is
   * borne, nor what was drawn with that. The last one that lets an owner in stays.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be revoked (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Revoked' })
  async revoke(
    @Param('operator') operatorId: string,
    @Param('id') id: string,
    @CurrentOperator() operator: Operator,
    @UrgentInstallationChange('operator_key.revoked') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<OperatorKeyView, UseOfOperatorKey>> | undefined> {
    const revoking: Revoking = {
      operatorId,
      id,
      borne: borneOf(operator, operatorId),
      check: (of, key) => {
        checkHasItself(operator, of);
        precondition.check(entityTag(key));
      },
    };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const { key, others } = await this.drawn.look(tx, revoking);
        return { tag: entityTag(key), would: { delete: key, affects: { keys: others.length } } };
      });
    }
    await this.drawn.revoke(change, revoking);
    return undefined;
  }
}

/** The key that is borne, if it is of the operator whose keys these are. */
function borneOf({ id, key }: Operator, operatorId: string): string | null {
  return id === operatorId ? (key?.id ?? null) : null;
}
