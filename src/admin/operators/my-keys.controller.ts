import {
  Body,
  ConflictException,
  Delete,
  ForbiddenException,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
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
import { ForSomeZones, NO_PERMISSION, Permission } from '../permission.js';
import { DrawnKeys, readExpiry, type Revoking } from './drawn-keys.service.js';
import { OperatorKey } from './operator-key.entity.js';
import {
  toKeyView,
  toUsedKeyView,
  type NewOperatorKeyView,
  type OperatorKeyView,
  type UsedOperatorKeyView,
  type UseOfOperatorKey,
} from './operator-view.js';
import { OperatorKeyBody } from './operator.body.js';
import { CurrentOperator, type BorneKey, type Operator } from './operator.js';
import { checkUnguessable } from './unguessable-request.js';

/** Lets operators change their own keys: a key that one has drawn for oneself is nobody else's. */
@AdminController('operators/me/keys', { noun: 'operators' })
export class MyKeysController {
  constructor(
    @InjectRepository(OperatorKey) private readonly keys: Repository<OperatorKey>,
    private readonly drawn: DrawnKeys,
    private readonly dryRuns: DryRuns,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Draws another key for oneself, which is in the answer and cannot be had again. It is good from no more addresses, and for no
   * longer, than the key that is borne. A key that somebody else drew draws one.
   */
  @Post()
  @Permission(NO_PERMISSION)
  @ForSomeZones()
  @ApiResponse({ status: 422, description: 'It would be good for more than the key that is borne' })
  async create(
    @CurrentOperator() operator: Operator,
    @InstallationChange('operator_key.created') change: Change,
    @Body() body: OperatorKeyBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewOperatorKeyView> {
    const { operatorId, key } = named(operator);
    checkUnguessable(request);
    const expiresAt = readExpiry(body.expires_at, this.clock.now());
    const drawing = { operatorId, createdBy: operatorId, drawnWith: key.id, bounded: true };
    const { description = null, addresses = null } = body;
    const wanted = { description, addresses, expiresAt };
    const made = await this.drawn.draw(change, drawing, wanted);
    response.location(`/internal/operators/me/keys/${made.id}`);
    response.setHeader('Cache-Control', 'no-store');
    const { key: _secret, ...view } = made;
    response.setHeader('ETag', entityTag(view));
    return made;
  }

  /** Lists one's own keys that were not revoked, those that have expired too. */
  @Get()
  @Permission(NO_PERMISSION)
  @ForSomeZones()
  async list(
    @CurrentOperator() operator: Operator,
    @Query() page: PageQuery,
  ): Promise<Page<UsedOperatorKeyView>> {
    const { operatorId } = named(operator);
    return readPage(this.keys, { operatorId }, page, toUsedKeyView, 'row.revoked_at IS NULL');
  }

  /** Shows one of one's own keys that was not revoked. */
  @Get(':id')
  @Permission(NO_PERMISSION)
  @ForSomeZones()
  async show(
    @CurrentOperator() operator: Operator,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<UsedOperatorKeyView> {
    const { operatorId } = named(operator);
    const key = await findRow(this.keys, { operatorId, id, revokedAt: IsNull() }, 'key');
    response.setHeader('ETag', entityTag(toKeyView(key)));
    return toUsedKeyView(key);
  }

  /**
   * Revokes another of one's own keys, and what was drawn with that; but neither the key that is borne, which shows that it
   * works, nor what was drawn with that.
   */
  @Delete(':id')
  @Permission(NO_PERMISSION)
  @ForSomeZones()
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be revoked (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Revoked' })
  async revoke(
    @CurrentOperator() operator: Operator,
    @UrgentInstallationChange('operator_key.revoked') change: Change,
    @Param('id') id: string,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<OperatorKeyView, UseOfOperatorKey>> | undefined> {
    const { operatorId, key: borne } = named(operator);
    const check = (_of: unknown, view: OperatorKeyView): void => {
      precondition.check(entityTag(view));
      if (id !== borne.id) return;
      throw new ConflictException(
        'ask with the key that takes its place, which shows that it works',
      );
    };
    const revoking: Revoking = { operatorId, id, borne: borne.id, check };
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

/** @throws {ForbiddenException} for who has no keys of its own */
function named({ id, name, key }: Operator): { operatorId: string; key: BorneKey } {
  if (id !== null && key !== undefined) return { operatorId: id, key };
  throw new ForbiddenException(`${name} is no named operator, and has no keys of its own`);
}
