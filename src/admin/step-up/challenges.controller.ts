import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { Challenge } from '../../step-up/challenge.entity.js';
import { Challenges } from '../../step-up/challenges.service.js';
import { decidedOrThrow } from '../../step-up/decision-answer.js';
import { OperatorDecisionBody } from '../../step-up/decision.body.js';
import { describeChallenge, describeDecision } from '../../step-up/describe-challenge.js';
import { AdminController } from '../admin-controller.js';
import { ChallengesQuery } from './challenges.body.js';
import { Zone } from '../../zones/zone.entity.js';
import { AuditedChanges, OPERATOR } from '../audited-changes.service.js';
import { found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { readPage } from '../pagination.js';

/** What a state means in SQL; time goes on, so it is not stored. */
const IN_STATE = {
  pending: 'row.decision IS NULL AND row.expires_at > clock_timestamp()',
  approved: `row.decision = 'approved' AND row.consumed_at IS NULL AND row.expires_at > clock_timestamp()`,
  rejected: `row.decision = 'rejected'`,
  expired: `row.decision IS DISTINCT FROM 'rejected' AND row.consumed_at IS NULL AND row.expires_at <= clock_timestamp()`,
  consumed: 'row.consumed_at IS NOT NULL',
} as const;

/** Shows operators what waits to be confirmed, and lets them decide. */
@AdminController('zones/:zone/challenges')
export class ChallengesController {
  constructor(
    @InjectRepository(Challenge) private readonly rows: Repository<Challenge>,
    private readonly challenges: Challenges,
    private readonly changes: AuditedChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lists challenges, those of one state if that is given. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() query: ChallengesQuery) {
    const now = this.clock.now();
    const condition = query.state === undefined ? undefined : IN_STATE[query.state];
    const page = await readPage(this.rows, { zoneId }, query, (row) => row, condition);
    const items = [];
    for (const row of page.items) {
      items.push(describeChallenge(row, await this.challenges.clientNames(row), now));
    }
    return { ...page, items };
  }

  /** Shows a challenge: what is asked for, in words and in full, and who has decided so far. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    const challenge = found(await this.challenges.find(zoneId, id), 'challenge');
    return this.toView(challenge);
  }

  /** Approves or rejects a challenge. That is final. */
  @Post(':id/decision')
  @HttpCode(200)
  async decide(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @CurrentRequestId() requestId: RequestId,
    @Body() { decision, reason, binding }: OperatorDecisionBody,
  ) {
    const input = {
      method: 'operator' as const,
      decider: { kind: 'operator' as const, name: OPERATOR },
      amr: [],
      decision,
      reason,
      ...(binding === undefined ? {} : { binding }),
    };
    const decided = await this.changes.inTurn(zoneId, () =>
      this.challenges.decide(zoneId, id, input, requestId),
    );
    return this.toView(decidedOrThrow(decided));
  }

  private async toView(challenge: Challenge) {
    const names = await this.challenges.clientNames(challenge);
    const decisions = await this.challenges.decisionsOn(challenge);
    return {
      ...describeChallenge(challenge, names, this.clock.now()),
      decisions: decisions.map(describeDecision),
    };
  }
}
