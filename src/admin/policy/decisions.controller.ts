import { Body, Get, HttpCode, Param, Post } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { AuditLog } from '../../ledger/audit-log.service.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { AdminController } from '../admin-controller.js';
import { found } from '../find-row.js';
import { POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { ReplayBody } from './policy.body.js';
import { readRecorded, replay } from './replay.js';

const TYPE = 'token_exchange';

/** Explains recorded decisions, and makes them again. */
@AdminController('decisions/:requestId')
export class DecisionsController {
  constructor(
    private readonly auditLog: AuditLog,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly policySets: PolicySets,
  ) {}

  /**
   * Shows what was decided on a request, why, and on what input. A request id is the caller's choice,
   * so there may be several, the latest first.
   */
  @Get()
  async show(@Param('requestId') requestId: string) {
    return { request_id: requestId, items: await this.find(requestId) };
  }

  /**
   * Makes the decisions of a request again: on the policy set version that was recorded, where they
   * must come out the same, or on a candidate.
   */
  @Post('replay')
  @HttpCode(200)
  @AnswerWithin(POLICY_WORK_MS)
  async replay(@Param('requestId') requestId: string, @Body() body: ReplayBody) {
    const items = [];
    for (const event of await this.find(requestId)) {
      const recorded = readRecorded(event);
      if (recorded === null) continue;
      const setVersionId = body.policy_set_version_id ?? recorded.setVersionId;
      const policy = await withPolicy(async () =>
        this.policySets.open(await this.policySets.read(this.read, recorded.zoneId, setVersionId)),
      );
      items.push({
        event_id: event['id'],
        zone_id: recorded.zoneId,
        recorded_policy_set_version_id: recorded.setVersionId,
        policy_set_version_id: setVersionId,
        ...(await withPolicy(() => replay(recorded, policy))),
      });
    }
    return { request_id: requestId, items };
  }

  private async find(requestId: string) {
    const known = /^[A-Za-z0-9._-]{1,128}$/.test(requestId);
    const events = known ? await this.auditLog.byRequest(requestId, TYPE) : [];
    return found(events.length === 0 ? null : events, 'request');
  }
}
