import { Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, type Repository } from 'typeorm';
import { DelegationEdge } from '../../delegation/delegation-edge.entity.js';
import { describeEdge } from '../../delegation/describe-edge.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { UrgentChange, type Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

/** Shows what was delegated in a zone, and takes it back. */
@AdminController('zones/:zone/delegations')
export class DelegationsAdminController {
  constructor(
    @InjectRepository(DelegationEdge) private readonly edges: Repository<DelegationEdge>,
    private readonly changes: AuditedChanges,
  ) {}

  /** Lists delegations, revoked and expired ones too while they are kept. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.edges, { zoneId }, page, describeEdge);
  }

  /** Shows a delegation. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return describeEdge(await findRow(this.edges, { zoneId, id }, 'delegation'));
  }

  /** Revokes a delegation, with all that it was handed on as. Revoking it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('delegation.revoked') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const edges = tx.getRepository(DelegationEdge);
      const edge = await findRow(edges, { zoneId, id }, 'delegation');
      const open = { zoneId, id, revokedAt: IsNull() };
      await edges.update(open, { revokedAt: () => 'clock_timestamp()' });
      return { result: undefined, details: { delegation: describeEdge(edge) } };
    });
  }
}
