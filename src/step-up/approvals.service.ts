import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { admit } from '../authentication/admission.js';
import {
  lacksScope,
  SessionBearers,
  STALE,
  type Bearer,
  type Stale,
} from '../authentication/session-bearers.service.js';
import type { RequestId } from '../platform/http/request-id.js';
import type { Challenge } from './challenge.entity.js';
import { Challenges, type DecisionOutcome } from './challenges.service.js';
import type { ApproverDecisionBody } from './decision.body.js';

/** The scope of a session mandate that lets its client decide. */
const DECIDE = 'challenge:decide';

/** Shows challenges to approvers and takes their decisions: applications with a session mandate of their own. */
@Injectable()
export class Approvals {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly bearers: SessionBearers,
    private readonly challenges: Challenges,
  ) {}

  /**
   * The challenge that an approver asks for.
   *
   * @param token the bearer
   * @returns `null` for an unknown challenge, and for one of another zone
   * @throws {OAuthError} invalid_token, insufficient_scope
   */
  show(token: string, id: string): Promise<Challenge | null> {
    return this.asApprover(token, async (bearer) => {
      const admitted = await admit(bearer, this.dataSource.manager);
      if (admitted === STALE) return STALE;
      return this.challenges.find(bearer.zone.zoneId, id);
    });
  }

  /**
   * Decides on a challenge as an approver.
   *
   * @param token the bearer
   * @returns the challenge as it is now, or why the decision does not count
   * @throws {OAuthError} invalid_token, insufficient_scope
   */
  decide(
    token: string,
    id: string,
    { decision, reason, binding }: ApproverDecisionBody,
    requestId: RequestId,
  ): Promise<DecisionOutcome> {
    return this.asApprover(token, async (bearer) => {
      const { clientId } = bearer.claims;
      const outcome = await this.challenges.decide(
        bearer.zone.zoneId,
        id,
        {
          method: 'approver',
          decision,
          reason,
          binding,
          decider: { kind: 'client', clientId },
          amr: [],
        },
        requestId,
        { admit: async (tx) => (await admit(bearer, tx)) !== STALE },
      );
      return 'refusal' in outcome && outcome.refusal === 'stale' ? STALE : outcome;
    });
  }

  private asApprover<T>(token: string, run: (bearer: Bearer) => Promise<T | Stale>): Promise<T> {
    return this.bearers.whileCurrent(token, async (bearer) => {
      if (!bearer.claims.scope.includes(DECIDE)) {
        throw lacksScope(DECIDE);
      }
      return run(bearer);
    });
  }
}
