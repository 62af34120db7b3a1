import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { admit, ADMIT, StaleBearer } from '../authentication/admission.js';
import {
  lacksScope,
  SessionBearers,
  type Bearer,
} from '../authentication/session-bearers.service.js';
import { unavailable } from '../oauth/errors.js';
import type { Challenge } from './challenge.entity.js';
import { Challenges, type DecisionOutcome } from './challenges.service.js';
import type { ApproverDecisionBody } from './decision.body.js';

/** The scope of a session mandate that lets its client decide. */
const DECIDE = 'challenge:decide';

/** Attempts at a request whose zone changes while it is handled. */
const MAX_ATTEMPTS = 5;

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
      await admit(bearer, this.dataSource.manager, ADMIT);
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
    requestId: string,
  ): Promise<DecisionOutcome> {
    return this.asApprover(token, (bearer) => {
      const { clientId } = bearer.claims;
      return this.challenges.decide(
        bearer.zone.zoneId,
        id,
        {
          method: 'approver',
          decision,
          reason,
          binding,
          clientId,
          decidedBy: `client:${clientId}`,
          amr: ['approval'],
        },
        requestId,
        {
          admit: async (tx) => {
            await admit(bearer, tx, ADMIT);
          },
        },
      );
    });
  }

  private async asApprover<T>(token: string, run: (bearer: Bearer) => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const bearer = await this.bearers.verify(token);
      if (!bearer.claims.scope.includes(DECIDE)) {
        throw lacksScope(DECIDE);
      }
      try {
        return await run(bearer);
      } catch (error) {
        if (!(error instanceof StaleBearer)) throw error;
        this.bearers.forget(bearer);
      }
    }
    throw unavailable('the zone changed again while the request was looked at');
  }
}
