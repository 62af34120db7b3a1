import { Delete, Get, HttpCode, Param, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { IsNull } from 'typeorm';
import { DelegationEdge } from '../../delegation/delegation-edge.entity.js';
import { describeEdge } from '../../delegation/describe-edge.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AdminController } from '../admin-controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

/** Shows what was delegated in a zone, and takes it back. */
@AdminController('zones/:zone/delegations')
export class DelegationsAdminController {
  constructor(private readonly changes: AuditedChanges) {}

  /** Lists delegations, revoked and expired ones too while they are kept. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, DelegationEdge, { zoneId }, page, describeEdge);
  }

  /** Shows a delegation. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return describeEdge(await this.find(zoneId, id));
  }

  /** Revokes a delegation, with all that it was handed on as. Revoking it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const edge = await this.find(zoneId, id);
    const change = { zoneId, requestId: requestIdOf(request), type: 'delegation.revoked' };
    await this.changes.run(change, async (tx) => {
      await tx.update(
        DelegationEdge,
        { zoneId, id, revokedAt: IsNull() },
        { revokedAt: () => 'clock_timestamp()' },
      );
      return { result: undefined, details: { delegation: describeEdge(edge) } };
    });
  }

  private async find(zoneId: string, id: string): Promise<DelegationEdge> {
    await zoneExists(this.changes.read, zoneId);
    const row = isUuid(id)
      ? await this.changes.read.findOne(DelegationEdge, { where: { zoneId, id } })
      : null;
    return found(row, 'delegation');
  }
}
