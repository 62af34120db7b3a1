import {
  BadRequestException,
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { InstallationChange, UrgentInstallationChange, type Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { PageQuery } from '../pagination.body.js';
import { readPage, type Page } from '../pagination.js';
import { AdministrationChanges } from './administration-changes.service.js';
import { checkHasItself } from './giving.js';
import { OperatorKey } from './operator-key.entity.js';
import { OperatorRow } from './operator-row.entity.js';
import { digestOf, newOperatorSecret } from './operator-secret.js';
import {
  toKeyView,
  toUsedKeyView,
  type NewOperatorKeyView,
  type OperatorKeyView,
  type UsedOperatorKeyView,
} from './operator-view.js';
import { OperatorKeyBody } from './operator.body.js';
import { CurrentOperator, type Operator } from './operator.js';
import { Owners } from './owners.service.js';

/** The most keys of an operator that were not revoked. */
const MAX_KEYS = 20;

/** Draws, lists and revokes the keys of an operator. It may have several, so that one takes the place of another. */
@AdminController('operators/:operator/keys', { noun: 'operators' })
export class OperatorKeysController {
  constructor(
    @InjectRepository(OperatorRow) private readonly operators: Repository<OperatorRow>,
    @InjectRepository(OperatorKey) private readonly keys: Repository<OperatorKey>,
    private readonly changes: AdministrationChanges,
    private readonly owners: Owners,
    private readonly dryRuns: DryRuns,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Draws a key. It is in the answer, and cannot be had again. */
  @Post()
  async create(
    @Param('operator') operatorId: string,
    @CurrentOperator() operator: Operator,
    @InstallationChange('operator_key.created') change: Change,
    @Body() body: OperatorKeyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewOperatorKeyView> {
    const { description = null, addresses = null } = body;
    const expiresAt = body.expires_at === undefined ? null : instant(Date.parse(body.expires_at));
    if (expiresAt !== null && expiresAt.getTime() <= this.clock.now()) {
      throw new BadRequestException('expires_at is over');
    }
    const key = newOperatorSecret();
    const id = uuidv7();
    const made = await this.changes.run(change, async (tx) => {
      const of = await findRow(tx.getRepository(OperatorRow), { id: operatorId }, 'operator');
      checkHasItself(operator, of);
      const keys = tx.getRepository(OperatorKey);
      if ((await keys.countBy({ operatorId, revokedAt: IsNull() })) >= MAX_KEYS) {
        throw new ConflictException(`the operator has ${MAX_KEYS} keys, which is the most`);
      }
      const digest = digestOf(key);
      const createdBy = operator.id;
      await keys.insert({ operatorId, id, digest, description, addresses, expiresAt, createdBy });
      const result = await keys.findOneByOrFail({ operatorId, id });
      return { result, details: { subject_operator: of.name, key: toKeyView(result) } };
    });
    response.location(`/internal/operators/${operatorId}/keys/${id}`);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('ETag', entityTag(toKeyView(made)));
    return { ...toKeyView(made), key };
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

  /** Revokes a key. The last one that lets an owner in stays. */
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
  ): Promise<DryRun<WouldDelete<OperatorKeyView, object>> | undefined> {
    const look = async (tx: EntityManager) => {
      const of = await findRow(tx.getRepository(OperatorRow), { id: operatorId }, 'operator');
      checkHasItself(operator, of);
      const where = { operatorId, id, revokedAt: IsNull() };
      const key = toKeyView(await findRow(tx.getRepository(OperatorKey), where, 'key'));
      precondition.check(entityTag(key));
      return { subject_operator: of.name, key };
    };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const { key } = await look(tx);
        return { tag: entityTag(key), would: { delete: key, affects: {} } };
      });
    }
    await this.changes.run(change, async (tx) => {
      const details = await look(tx);
      await this.owners.keepOne(tx, () =>
        tx.getRepository(OperatorKey).update({ operatorId, id }, { revokedAt: () => 'now()' }),
      );
      return { result: undefined, details };
    });
    return undefined;
  }
}
