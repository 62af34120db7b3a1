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
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Scope } from '../../zones/scope.entity.js';
import { Resource } from '../../zones/resource.entity.js';
import { SSF_MANAGE, SSF_READ } from '../../zones/system-resources.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { changeColumns, type Administered } from '../administered.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { refuseOther, unprocessable } from '../field-refusals.js';
import { findRow } from '../find-row.js';
import { given } from '../given.js';
import { InZone } from '../in-zone.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { ScopeBody, ScopeChangeBody, ScopesQuery } from './scope.body.js';
import { readScopeClaims } from './scope-claims.js';
import { useOf, type UseOfScope } from './scope-use.js';
import { toView, type ScopeView } from './scope-view.js';

const SCOPES: Administered<Scope, ScopeView> = {
  entity: Scope,
  noun: 'scope',
  recordedAs: 'scope',
  view: (_tx, row) => toView(row),
};

/** Describes, lists, changes and removes the scopes of a zone. */
@AdminController('zones/:zone/scopes', { noun: 'scopes' })
export class ScopesController {
  constructor(
    @InjectRepository(Scope) private readonly scopes: Repository<Scope>,
    private readonly changes: AuditedChanges,
    private readonly deletions: Deletions,
  ) {}

  /** Describes a scope for the whole zone. It is granted for resources that have it, and need not be described for that. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('scope.created') change: Change,
    @Body() body: ScopeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ScopeView> {
    const claims = readScopeClaims(body.claims) ?? [];
    refuseOwn(body.name);
    const { name, description = null, active = true } = body;
    const scope = await this.changes.run(change, async (tx) => {
      const scopes = tx.getRepository(Scope);
      const id = uuidv7();
      await scopes.insert({ zoneId, id, name, description, claims, active });
      const result = await scopes.findOneByOrFail({ zoneId, id });
      return { result, details: { scope: toView(result) } };
    });
    response.location(`/internal/zones/${zoneId}/scopes/${scope.id}`);
    return tagged(response, toView(scope));
  }

  /** Lists scopes: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: ScopesQuery,
  ): Promise<Page<ScopeView>> {
    return readPage(this.scopes, { zoneId }, query, toView, [
      ...having('name', query.name),
      ...having('active', query.active),
      ...having('is_system', query.is_system),
      ...containing(['name', 'description'], query.search),
    ]);
  }

  /** Shows a scope. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ScopeView> {
    return tagged(response, toView(await findRow(this.scopes, { zoneId, id }, 'scope')));
  }

  /**
   * Changes a scope (a merge patch, RFC 7396). One that is not `active` any more is granted for no resource of the zone from
   * the answer on, and one with other `claims` lets these into mandates; what is out stays as it is.
   */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('scope.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { name, description, active, claims: wanted }: ScopeChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ScopeView> {
    const claims = readScopeClaims(wanted);
    const changed = await this.changes.run(change, (tx) =>
      changeColumns(tx, SCOPES, { zoneId, id }, precondition, (before) => {
        refuseOther('name', name, before.name);
        const columns = given({ description, active, claims });
        if (Object.keys(columns).length === 0) return {};
        return { ...columns, updatedAt: () => 'clock_timestamp()' };
      }),
    );
    return tagged(response, changed);
  }

  /** Removes what is said of a scope. Resources that have it keep it. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 409, description: 'A system scope, or one that would be in use again' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('scope.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<ScopeView, UseOfScope>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, SCOPES, {
      where: { zoneId, id },
      check: checkRemovable,
      affects: useOf,
    });
  }
}

/** Without its row, a scope that is not in use would be: resources have it still. */
async function checkRemovable(tx: EntityManager, { zoneId, name, isSystem, active }: Scope) {
  if (isSystem) throw new ConflictException('every zone has this scope: it cannot be removed');
  if (active) return;
  const resources = tx.getRepository(Resource).createQueryBuilder('row').where({ zoneId });
  if (await resources.andWhere(':name = ANY (row.scopes)', { name }).getExists()) {
    throw new ConflictException(
      'resources have this scope, and it would be granted again: take it from them, or make it active',
    );
  }
}

/** @throws {UnprocessableEntityException} for scopes of the zone's own endpoints, which clients have by being receivers */
function refuseOwn(name: string): void {
  if (name !== SSF_READ && name !== SSF_MANAGE) return;
  throw unprocessable('name', 'reserved', 'is for shared signals; which clients have it, they say');
}
