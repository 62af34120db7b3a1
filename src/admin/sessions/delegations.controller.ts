import { Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type Repository } from 'typeorm';
import { DelegationEdge } from '../../delegation/delegation-edge.entity.js';
import { describeEdge, type DelegationView } from '../../delegation/describe-edge.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { UrgentChange, type Change } from '../change.js';
import { affectedBy, type AffectedByEnd } from './affected-by-end.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage, type Page } from '../pagination.js';

/** Shows what was delegated in a zone, and takes it back. */
@AdminController('zones/:zone/delegations', { noun: 'sessions' })
export class DelegationsAdminController {
  constructor(
    @InjectRepository(DelegationEdge) private readonly edges: Repository<DelegationEdge>,
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
  ) {}

  /** Lists delegations, revoked and expired ones too while they are kept. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() page: PageQuery,
  ): Promise<Page<DelegationView>> {
    return readPage(this.edges, { zoneId }, page, describeEdge);
  }

  /** Shows a delegation. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DelegationView> {
    const row = await findRow(this.edges, { zoneId, id }, 'delegation');
    return tagged(response, describeEdge(row));
  }

  /** Revokes a delegation, with all that it was handed on as. Revoking it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be revoked (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Revoked' })
  async revoke(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('delegation.revoked') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<DelegationView, AffectedByEnd>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const shown = describeEdge(
          await findRow(tx.getRepository(DelegationEdge), { zoneId, id }, 'delegation'),
        );
        const tag = entityTag(shown);
        precondition.check(tag);
        const affects = await affectedBy(tx, zoneId, { kind: 'delegation_edge_id', name: id });
        return { tag, would: { delete: shown, affects } };
      });
    }
    await this.changes.run(change, async (tx) => {
      const edges = tx.getRepository(DelegationEdge);
      const edge = await findRow(edges, { zoneId, id }, 'delegation');
      precondition.check(entityTag(describeEdge(edge)));
      const open = { zoneId, id, revokedAt: IsNull() };
      await edges.update(open, { revokedAt: () => 'clock_timestamp()' });
      return { result: undefined, details: { delegation: describeEdge(edge) } };
    });
    return undefined;
  }
}
