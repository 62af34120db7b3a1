import { Body, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { pendingBy, type UseForChallenges } from './challenge-use.js';
import type { Repository } from 'typeorm';
import { Zone } from '../../zones/zone.entity.js';
import { ProofSystem } from '../../step-up/proof-system.entity.js';
import { ProofSystems } from '../../step-up/proof-systems.service.js';
import { AdminController } from '../admin-controller.js';
import { changeColumns, type Administered } from '../administered.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { given } from '../given.js';
import { InZone } from '../in-zone.js';
import { NamedQuery } from '../pagination.body.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { ProofSystemBody, ProofSystemChangeBody } from './proof-system.body.js';
import { toView, type NewProofSystemView, type ProofSystemView } from './proof-system-view.js';

const PROOF_SYSTEMS: Administered<ProofSystem, ProofSystemView> = {
  entity: ProofSystem,
  noun: 'proof system',
  recordedAs: 'proof_system',
  view: (_tx, row) => toView(row),
};

/** Registers systems outside that may decide on challenges. */
@AdminController('zones/:zone/proof-systems', { noun: 'proof-systems' })
export class ProofSystemsController {
  constructor(
    @InjectRepository(ProofSystem) private readonly rows: Repository<ProofSystem>,
    private readonly changes: AuditedChanges,
    private readonly systems: ProofSystems,
    private readonly deletions: Deletions,
  ) {}

  /** Registers a proof system. Its secret is in the answer, this once. */
  @Post()
  async register(
    @InZone() { id: zoneId }: Zone,
    @Change('proof_system.registered') change: Change,
    @Body() { name, types = [] }: ProofSystemBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewProofSystemView> {
    const { system, secret } = await this.changes.run(change, async (tx) => {
      const result = await this.systems.register(tx, zoneId, { name, types: [...new Set(types)] });
      return { result, details: { proof_system: toView(result.system) } };
    });
    response.location(`/internal/zones/${zoneId}/proof-systems/${system.id}`);
    return { ...tagged(response, toView(system)), secret };
  }

  /** Lists proof systems: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: NamedQuery,
  ): Promise<Page<ProofSystemView>> {
    return readPage(this.rows, { zoneId }, query, toView, [
      ...having('name', query.name),
      ...containing(['name'], query.search),
    ]);
  }

  /** Shows a proof system. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ProofSystemView> {
    return tagged(response, toView(await findRow(this.rows, { zoneId, id }, 'proof system')));
  }

  /** Changes a proof system (a merge patch, RFC 7396): its name, what it may decide on, or whether it counts. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('proof_system.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { name, types, disabled }: ProofSystemChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ProofSystemView> {
    const changed = await this.changes.run(change, (tx) =>
      changeColumns(tx, PROOF_SYSTEMS, { zoneId, id }, precondition, () => ({
        ...given({ name }),
        ...(types === undefined ? {} : { types: [...new Set(types)] }),
        ...(disabled === undefined
          ? {}
          : { disabledAt: disabled === true ? () => 'coalesce(disabled_at, now())' : null }),
      })),
    );
    return tagged(response, changed);
  }

  /** Removes a proof system: nothing that it signs counts any more. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('proof_system.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<ProofSystemView, UseForChallenges>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, PROOF_SYSTEMS, {
      where: { zoneId, id },
      affects: (tx, { types }) => pendingBy(tx, zoneId, 'proof_system', types),
    });
  }
}
