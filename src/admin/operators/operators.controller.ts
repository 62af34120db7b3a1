import {
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { InstallationChange, UrgentInstallationChange, type Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { zonesAreThere } from '../zones/zones-are-there.js';
import { AdministrationChanges } from './administration-changes.service.js';
import { checkHasItself } from './giving.js';
import { OperatorKey } from './operator-key.entity.js';
import { OperatorRow } from './operator-row.entity.js';
import { toView, type OperatorView } from './operator-view.js';
import { OperatorBody, OperatorChangeBody, OperatorsQuery } from './operator.body.js';
import { CurrentOperator, type Operator } from './operator.js';
import { Owners } from './owners.service.js';

/** The most operators of an installation: every process has all of them in memory. */
const MAX_OPERATORS = 1_000;

/** What goes with an operator. */
export interface UseOfOperator {
  /** Its keys that were not revoked. */
  readonly keys: number;
}

/** Makes, lists, changes and removes those who administer. */
@AdminController('operators', { noun: 'operators' })
export class OperatorsController {
  constructor(
    @InjectRepository(OperatorRow) private readonly operators: Repository<OperatorRow>,
    private readonly changes: AdministrationChanges,
    private readonly owners: Owners,
    private readonly dryRuns: DryRuns,
  ) {}

  /** Makes an operator, who can come in once it has a key. Nobody gives more than they may do themselves. */
  @Post()
  async create(
    @CurrentOperator() operator: Operator,
    @InstallationChange('operator.created') change: Change,
    @Body() body: OperatorBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperatorView> {
    const { name, description = null, role, zones = null } = body;
    checkHasItself(operator, { role, zones });
    const id = uuidv7();
    const made = await this.changes.run(change, async (tx) => {
      await checkZones(tx, zones);
      const operators = tx.getRepository(OperatorRow);
      if ((await operators.count()) >= MAX_OPERATORS) {
        throw new ConflictException(`there are ${MAX_OPERATORS} operators, which is the most`);
      }
      await operators.insert({ id, name, description, role, zones });
      const result = await operators.findOneByOrFail({ id });
      return { result, details: { subject_operator: toView(result) } };
    });
    response.location(`/internal/operators/${id}`);
    return tagged(response, toView(made));
  }

  /** Lists operators: all, those that are searched for, or those of a name, a role or a state. */
  @Get()
  async list(@Query() query: OperatorsQuery): Promise<Page<OperatorView>> {
    const { disabled } = query;
    return readPage(this.operators, {}, query, toView, [
      ...having('name', query.name),
      ...having('role', query.role),
      ...(disabled === undefined
        ? []
        : [{ sql: `row.disabled_at IS ${disabled === 'true' ? 'NOT NULL' : 'NULL'}` }]),
      ...containing(['name', 'description'], query.search),
    ]);
  }

  /** Shows an operator. */
  @Get(':id')
  async show(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperatorView> {
    return tagged(response, toView(await findRow(this.operators, { id }, 'operator')));
  }

  /**
   * Changes an operator (a merge patch, RFC 7396): what it may do from then on, at all replicas. The last owner who can come
   * in stays one.
   */
  @Patch(':id')
  async change(
    @Param('id') id: string,
    @CurrentOperator() operator: Operator,
    @UrgentInstallationChange('operator.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: OperatorChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperatorView> {
    const changed = await this.changes.run(change, async (tx) => {
      const operators = tx.getRepository(OperatorRow);
      const before = await findRow(operators, { id }, 'operator');
      precondition.check(entityTag(toView(before)));
      const columns = columnsOf(body, before);
      checkHasItself(operator, before);
      checkHasItself(operator, {
        role: body.role ?? before.role,
        zones: body.zones === undefined ? before.zones : body.zones,
      });
      await checkZones(tx, body.zones ?? null);
      if (Object.keys(columns).length > 0) {
        await this.owners.keepOne(tx, () => operators.update({ id }, columns));
      }
      const result = await operators.findOneByOrFail({ id });
      const [old, now] = [toView(before), toView(result)];
      return { result, details: { subject_operator: now, before: old, after: now } };
    });
    return tagged(response, toView(changed));
  }

  /** Removes an operator and its keys. The last owner who can come in stays. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @Param('id') id: string,
    @CurrentOperator() operator: Operator,
    @UrgentInstallationChange('operator.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<OperatorView, UseOfOperator>> | undefined> {
    const look = async (tx: EntityManager) => {
      const row = await findRow(tx.getRepository(OperatorRow), { id }, 'operator');
      const view = toView(row);
      precondition.check(entityTag(view));
      checkHasItself(operator, row);
      return view;
    };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const view = await look(tx);
        const keys = await tx
          .getRepository(OperatorKey)
          .countBy({ operatorId: id, revokedAt: IsNull() });
        return { tag: entityTag(view), would: { delete: view, affects: { keys } } };
      });
    }
    await this.changes.run(change, async (tx) => {
      const view = await look(tx);
      await this.owners.keepOne(tx, () => tx.getRepository(OperatorRow).delete({ id }));
      return { result: undefined, details: { subject_operator: view } };
    });
    return undefined;
  }
}

/** The columns that a change of an operator writes. */
function columnsOf(
  { name, description, role, zones, disabled }: OperatorChangeBody,
  before: OperatorRow,
) {
  const toggled = disabled !== undefined && disabled !== (before.disabledAt !== null);
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(role === undefined ? {} : { role }),
    ...(zones === undefined ? {} : { zones }),
    ...(toggled ? { disabledAt: disabled ? () => 'now()' : null } : {}),
  };
}

/** @throws {UnprocessableEntityException} for zones that there are not */
async function checkZones(tx: EntityManager, zones: readonly string[] | null): Promise<void> {
  if (zones === null) return;
  if (await zonesAreThere(tx, zones)) return;
  throw new UnprocessableEntityException('zones: no such zone');
}
