import { Body, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { tagged } from '../entity-tag.js';
import { found, findRow } from '../find-row.js';
import { CurrentOperator, seesZone, type Operator } from '../operators/operator.js';
import { having, readPage, type Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { ApprovalDecisionBody, ApprovalsQuery } from './approval.body.js';
import { ApprovalRow } from './approval.entity.js';
import { IN_STATE, toView, type ApprovalView } from './approval-view.js';
import { decide, type Decided } from './decide.js';

/** Shows what waits for a second operator, and has it decided. */
@AdminController('approvals', { noun: 'approvals' })
export class OperatorApprovalsController {
  constructor(
    @InjectRepository(ApprovalRow) private readonly approvals: Repository<ApprovalRow>,
    private readonly changes: AuditedChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lists approvals: what waits for a second operator, what was decided, and what is to be looked at afterwards. */
  @Get()
  @ForSomeZones()
  async list(
    @CurrentOperator() { zones }: Operator,
    @Query() query: ApprovalsQuery,
  ): Promise<Page<ApprovalView>> {
    const now = this.clock.now();
    const { state, kind, zone } = query;
    return readPage(this.approvals, {}, query, (row) => toView(row, now), [
      ...(state === undefined ? [] : [{ sql: `(${IN_STATE[state]})` }]),
      ...having('kind', kind),
      ...having('zone_id', zone),
      ...(zones === null
        ? []
        : [{ sql: 'row.zone_id = ANY (:zones_seen)', parameters: { zones_seen: [...zones] } }]),
    ]);
  }

  /** Shows an approval. */
  @Get(':id')
  @ForSomeZones()
  async show(
    @CurrentOperator() operator: Operator,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ApprovalView> {
    return tagged(response, toView(await this.find(operator, id), this.clock.now()));
  }

  /**
   * Approves it, as a second person: whoever asked for it can ask again now, within the day, and it is done once. Of what was
   * done in an emergency: confirms to have looked at it.
   */
  @Post(':id/approve')
  @HttpCode(200)
  @ForSomeZones()
  @ApiResponse({ status: 403, description: 'Not a second person' })
  @ApiResponse({ status: 409, description: 'It is not open any more' })
  async approve(
    @CurrentOperator() operator: Operator,
    @CurrentRequestId() requestId: RequestId,
    @Param('id') id: string,
    @Body() { reason }: ApprovalDecisionBody,
  ): Promise<ApprovalView> {
    return this.decide(operator, requestId, id, { decision: 'approved', reason });
  }

  /** Rejects it; who asked for it withdraws it so. Of what was done in an emergency: says that it should not have been. */
  @Post(':id/reject')
  @HttpCode(200)
  @ForSomeZones()
  @ApiResponse({ status: 403, description: 'Not a second person' })
  @ApiResponse({ status: 409, description: 'It is not open any more' })
  async reject(
    @CurrentOperator() operator: Operator,
    @CurrentRequestId() requestId: RequestId,
    @Param('id') id: string,
    @Body() { reason }: ApprovalDecisionBody,
  ): Promise<ApprovalView> {
    return this.decide(operator, requestId, id, { decision: 'rejected', reason });
  }

  private async decide(
    operator: Operator,
    requestId: RequestId,
    id: string,
    decided: Decided,
  ): Promise<ApprovalView> {
    const { zoneId } = await this.find(operator, id);
    const change = { zoneId, requestId, type: `approval.${decided.decision}`, operator };
    const row = await this.changes.runWithoutZone(change, async (tx) => {
      const result = await decide(tx, id, operator, decided);
      const { action, summary, reason, operator: asker, operatorId } = result;
      const asked = { asked_by: asker, asked_by_id: operatorId };
      return { result, details: { approval_id: id, action, summary, reason, ...asked } };
    });
    return toView(row, this.clock.now());
  }

  private async find(operator: Operator, id: string): Promise<ApprovalRow> {
    const row = await findRow(this.approvals, { id }, 'approval');
    return found(seesZone(operator, row.zoneId) ? row : null, 'approval');
  }
}
