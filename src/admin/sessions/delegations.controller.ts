import { Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type Repository } from 'typeorm';
import { DelegationEdge } from '../../delegation/delegation-edge.entity.js';
import { describeEdge, type DelegationView } from '../../delegation/describe-edge.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import type { Administered } from '../administered.js';
import { UrgentChange, type Change } from '../change.js';
import { affectedBy, type AffectedByEnd } from './affected-by-end.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { being, readPage, type Filter, type Page } from '../pagination.js';
import { DelegationsQuery } from './sessions.body.js';

// What can be seen in the row first: what is above it takes longer to look at.
const ALIVE = `row.accepted_at IS NOT NULL AND row.revoked_at IS NULL AND row.expires_at > clock_timestamp()
  AND delegation_live(row.zone_id, row.id, NULL)`;

const DELEGATIONS: Administered<DelegationEdge, DelegationView> = {
  entity: DelegationEdge,
  noun: 'delegation',
  recordedAs: 'delegation',
  view: (_tx, row) => describeEdge(row),
};

/** Shows what was delegated in a zone, and takes it back. */
@AdminController('zones/:zone/delegations', { noun: 'sessions' })
export class DelegationsAdminController {
  constructor(
    @InjectRepository(DelegationEdge) private readonly edges: Repository<DelegationEdge>,
    private readonly deletions: Deletions,
  ) {}

  /** Lists delegations: all, revoked and expired ones too while they are kept, or those of an application or an agent session. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: DelegationsQuery,
  ): Promise<Page<DelegationView>> {
    return readPage(this.edges, { zoneId }, query, describeEdge, [
      ...atEitherEnd(['issuer_client_id', 'receiver_client_id'], query.client_id),
      ...atEitherEnd(['source_id', 'target_id'], query.agent_session_id),
      ...being(ALIVE, query.live),
    ]);
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
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, DELEGATIONS, {
      where: { zoneId, id },
      affects: (tx) => affectedBy(tx, zoneId, { kind: 'delegation_edge_id', name: id }),
      end: (tx) => {
        const open = { zoneId, id, revokedAt: IsNull() };
        const revoked = { revokedAt: () => 'clock_timestamp()' };
        return tx.getRepository(DelegationEdge).update(open, revoked);
      },
    });
  }
}

/** Delegations that have an id in one of two columns; no filter where none was asked for. */
function atEitherEnd(columns: readonly [string, string], id: string | undefined): Filter[] {
  if (id === undefined) return [];
  const [from, to] = columns;
  return [{ sql: `(row.${from} = :${from} OR row.${to} = :${from})`, parameters: { [from]: id } }];
}
