import { Body, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { isUuid } from '../../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { Challenge } from '../../step-up/challenge.entity.js';
import { Challenges } from '../../step-up/challenges.service.js';
import { decidedOrThrow } from '../../step-up/decision-answer.js';
import { OperatorDecisionBody } from '../../step-up/decision.body.js';
import {
  describeChallenge,
  describeDecision,
  type ChallengeView,
  type DecisionView,
} from '../../step-up/describe-challenge.js';
import { AdminController } from '../admin-controller.js';
import { ChallengesQuery } from './challenges.body.js';
import { Zone } from '../../zones/zone.entity.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { entityTag, IfMatch, Precondition } from '../entity-tag.js';
import { found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { having, readPage, type Page } from '../pagination.js';
import { Permission } from '../permission.js';

/** What a state means in SQL; time goes on, so it is not stored. */
const IN_STATE = {
  pending: 'row.decision IS NULL AND row.expires_at > clock_timestamp()',
  approved: `row.decision = 'approved' AND row.consumed_at IS NULL AND row.expires_at > clock_timestamp()`,
  rejected: `row.decision = 'rejected'`,
  expired: `row.decision IS DISTINCT FROM 'rejected' AND row.consumed_at IS NULL AND row.expires_at <= clock_timestamp()`,
  consumed: 'row.consumed_at IS NOT NULL',
} as const;

/** Shows operators what waits to be confirmed, and lets them decide. */
@AdminController('zones/:zone/challenges', { noun: 'challenges' })
export class ChallengesController {
  constructor(
    @InjectRepository(Challenge) private readonly rows: Repository<Challenge>,
    private readonly challenges: Challenges,
    private readonly changes: AuditedChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lists challenges: all, or those of a state, a type, a client, a subject. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: ChallengesQuery,
  ): Promise<Page<ChallengeView>> {
    const now = this.clock.now();
    const { state, type, client_id: clientId, subject } = query;
    const page = await readPage(this.rows, { zoneId }, query, (row) => row, [
      ...(state === undefined ? [] : [{ sql: IN_STATE[state] }]),
      ...having('type', type),
      ...having('client_id', clientId),
      ...having('subject', subject),
    ]);
    const items = [];
    for (const row of page.items) {
      items.push(describeChallenge(row, await this.challenges.clientNames(row), now));
    }
    return { ...page, items };
  }

  /** Shows a challenge: what is asked for, in words and in full, and who has decided so far. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DecidedChallengeView> {
    const challenge = found(await this.challenges.find(zoneId, id), 'challenge');
    return this.answer(challenge, response);
  }

  /** Approves or rejects a challenge. That is final. */
  @Post(':id/decision')
  @Permission('challenges:decide')
  @HttpCode(200)
  async decide(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @CurrentRequestId() requestId: RequestId,
    @CurrentOperator() operator: Operator,
    @IfMatch() precondition: Precondition,
    @Body() { decision, reason, binding }: OperatorDecisionBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DecidedChallengeView> {
    const input = {
      method: 'operator' as const,
      decider: { kind: 'operator' as const, name: operator.name },
      amr: [],
      decision,
      reason,
      ...(binding === undefined ? {} : { binding }),
    };
    const admit = async (tx: EntityManager): Promise<boolean> => {
      const row = await tx.getRepository(Challenge).findOne({
        where: { zoneId, id },
        lock: { mode: 'pessimistic_write' },
      });
      const challenge = found(row, 'challenge');
      precondition.check(tagOf(challenge, this.clock.now()));
      return true;
    };
    const conditions = isUuid(id) ? { admit } : {};
    const decided = await this.changes.inTurn(zoneId, operator, () =>
      this.challenges.decide(zoneId, id, input, requestId, conditions),
    );
    return this.answer(decidedOrThrow(decided), response);
  }

  private async answer(challenge: Challenge, response: Response): Promise<DecidedChallengeView> {
    const names = await this.challenges.clientNames(challenge);
    const decisions = await this.challenges.decisionsOn(challenge);
    const now = this.clock.now();
    response.setHeader('ETag', tagOf(challenge, now));
    return {
      ...describeChallenge(challenge, names, now),
      decisions: decisions.map(describeDecision),
    };
  }
}

/** A challenge with who has decided so far. */
export interface DecidedChallengeView extends ChallengeView {
  /** The first one first. */
  readonly decisions: readonly DecisionView[];
}

/** The entity tag of a challenge: of what it says but for the names of clients, each of which may change at any time. */
function tagOf(challenge: Challenge, now: number): string {
  return entityTag(describeChallenge(challenge, new Map(), now));
}
