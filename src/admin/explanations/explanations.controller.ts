import { Get, Param, Query } from '@nestjs/common';
import { AuditLog, type EventPage } from '../../ledger/audit-log.service.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { AdminController } from '../admin-controller.js';
import { found } from '../find-row.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { PAGE_LIMIT, PageQuery } from '../pagination.body.js';
import type { Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { POLICY_WORK_MS } from '../policy/policy-check.js';
import type { Explanation } from './explanation.js';
import { EXCHANGE, Explanations } from './explanations.service.js';

/** How many events are explained at once, whatever is asked for: each may take a policy set to be read. */
const AT_ONCE = 20;

/** A request in words. */
interface ExplainedRequest extends Page<Explanation> {
  readonly request_id: string;
}

/** Puts what was recorded of a request in words. */
@AdminController('decisions/:requestId/explanation', { noun: 'decisions' })
export class ExplanationsController {
  constructor(
    private readonly auditLog: AuditLog,
    private readonly explanations: Explanations,
  ) {}

  /**
   * Explains what was recorded of a request: what was asked, each stage that it went through, which line of which policy
   * decided, what came of it, and what would have let it pass; of an operator's change, who made it, and what is
   * different since. Ids and names of requests are those of `GET /internal/decisions/{requestId}`; 20 are explained
   * at a time, at most. What is no token request is shown to those who may read the audit log.
   */
  @Get()
  @ForSomeZones()
  @AnswerWithin(POLICY_WORK_MS)
  async explain(
    @Param('requestId') requestId: string,
    @Query() page: PageQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<ExplainedRequest> {
    const { items: events, ...rest } = await this.find(requestId, page, operator);
    const items: Explanation[] = [];
    for (const event of events) items.push(await this.explanations.explain(event));
    return { request_id: requestId, items, ...rest };
  }

  private async find(
    requestId: string,
    { limit = PAGE_LIMIT, after }: PageQuery,
    operator: Operator,
  ): Promise<EventPage> {
    const isKnown = /^[A-Za-z0-9._-]{1,128}$/.test(requestId);
    const type = operator.permissions.has('audit:read') ? null : EXCHANGE;
    const events = isKnown
      ? await this.auditLog.byRequest(requestId, type, {
          limit: Math.min(limit, AT_ONCE),
          zones: operator.zones,
          ...(after === undefined ? {} : { after }),
        })
      : { items: [] };
    const any = events.items.length > 0 || after !== undefined;
    return found(any ? events : null, 'request');
  }
}
