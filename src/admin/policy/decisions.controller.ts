import { Body, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { AuditLog, type EventPage } from '../../ledger/audit-log.service.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { AdminController } from '../admin-controller.js';
import { found } from '../find-row.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { ForSomeZones, Permission } from '../permission.js';
import { PAGE_LIMIT, PageQuery } from '../pagination.body.js';
import type { Page } from '../pagination.js';
import { POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { ReplayBody } from './policy.body.js';
import { readRecorded, replay, type Replayed } from './replay.js';

const TYPE = 'token_exchange';

/** The decisions of one audit event, made again. */
interface ReplayedEvent extends Replayed {
  readonly event_id: string;
  readonly zone_id: string;
  readonly recorded_policy_set_version_id: string;
  /** The one that they were made again on. */
  readonly policy_set_version_id: string;
}

/** What was recorded of a request. */
interface RecordedRequest extends EventPage {
  readonly request_id: string;
}

/** The decisions of a request, made again. */
interface ReplayedRequest extends Page<ReplayedEvent> {
  readonly request_id: string;
}

/** Explains recorded decisions, and makes them again. */
@AdminController('decisions/:requestId', { noun: 'decisions' })
export class DecisionsController {
  constructor(
    private readonly auditLog: AuditLog,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly policySets: PolicySets,
  ) {}

  /**
   * Shows what was decided on a request, why, and on what input. Our id is of one request. By what callers
   * call their requests, or by the id of a trace if they do not call them anything, there may be many: first those of clients that had authenticated, the latest first.
   */
  @Get()
  @ForSomeZones()
  async show(
    @Param('requestId') requestId: string,
    @Query() page: PageQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<RecordedRequest> {
    return { request_id: requestId, ...(await this.find(requestId, page, operator)) };
  }

  /**
   * Makes the decisions of a request again: on the policy set version that was recorded, where they
   * must come out the same, or on a candidate.
   */
  @Post('replay')
  @Permission('decisions:read')
  @ForSomeZones()
  @HttpCode(200)
  @AnswerWithin(POLICY_WORK_MS)
  async replay(
    @Param('requestId') requestId: string,
    @Query() page: PageQuery,
    @Body() body: ReplayBody,
    @CurrentOperator() operator: Operator,
  ): Promise<ReplayedRequest> {
    const { items: events, ...rest } = await this.find(requestId, page, operator);
    const items: ReplayedEvent[] = [];
    for (const event of events) {
      const recorded = readRecorded(event);
      if (recorded === null) continue;
      const setVersionId = body.policy_set_version_id ?? recorded.setVersionId;
      const policy = await withPolicy(async () =>
        this.policySets.open(await this.policySets.read(this.read, recorded.zoneId, setVersionId)),
      );
      items.push({
        event_id: String(event['id']),
        zone_id: recorded.zoneId,
        recorded_policy_set_version_id: recorded.setVersionId,
        policy_set_version_id: setVersionId,
        ...(await withPolicy(() => replay(recorded, policy))),
      });
    }
    return { request_id: requestId, items, ...rest };
  }

  /** @param operator who sees those events that are of its zones */
  private async find(requestId: string, page: PageQuery, operator: Operator): Promise<EventPage> {
    const known = /^[A-Za-z0-9._-]{1,128}$/.test(requestId);
    const events = known
      ? await this.auditLog.byRequest(requestId, TYPE, {
          limit: page.limit ?? PAGE_LIMIT,
          zones: operator.zones,
          ...(page.after === undefined ? {} : { after: page.after }),
        })
      : { items: [] };
    const any = events.items.length > 0 || page.after !== undefined;
    return found(any ? events : null, 'request');
  }
}
