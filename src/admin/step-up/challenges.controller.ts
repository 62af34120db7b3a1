import { Body, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { Challenge } from '../../step-up/challenge.entity.js';
import { Challenges } from '../../step-up/challenges.service.js';
import { decidedOrThrow } from '../../step-up/decision-answer.js';
import { OperatorDecisionBody } from '../../step-up/decision.body.js';
import { describeChallenge, describeDecision } from '../../step-up/describe-challenge.js';
import { AdminController } from '../admin-controller.js';
import { ChallengesQuery } from './challenges.body.js';
import { found, OPERATOR, AuditedChanges, zoneExists } from '../audited-changes.service.js';
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
    private readonly changes: AuditedChanges,
    private readonly challenges: Challenges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lists challenges, those of one state if that is given. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() query: ChallengesQuery) {
    await zoneExists(this.changes.read, zoneId);
    const now = this.clock.now();
    const condition = query.state === undefined ? undefined : IN_STATE[query.state];
    const page = await readPage(
      this.changes.read,
      Challenge,
      { zoneId },
      query,
      (row) => row,
      condition,
    );
    const items = [];
    for (const row of page.items) {
      items.push(describeChallenge(row, await this.challenges.clientNames(row), now));
    }
    return { ...page, items };
  }

  /** Shows a challenge: what is asked for, in words and in full, and who has decided so far. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    await zoneExists(this.changes.read, zoneId);
    const challenge = found(await this.challenges.find(zoneId, id), 'challenge');
    return this.view(challenge);
  }

  /** Approves or rejects a challenge. That is final. */
  @Post(':id/decision')
  @HttpCode(200)
  async decide(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() { decision, reason, binding }: OperatorDecisionBody,
    @Req() request: Request,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const input = {
      method: 'operator' as const,
      decidedBy: `operator:${OPERATOR}`,
      amr: ['approval'],
      decision,
      reason,
      ...(binding === undefined ? {} : { binding }),
    };
    const deciding = this.challenges.decide(zoneId, id, input, requestIdOf(request));
    return this.view(decidedOrThrow(await deciding));
  }

  private async view(challenge: Challenge) {
    const names = await this.challenges.clientNames(challenge);
    const decisions = await this.challenges.decisionsOn(challenge);
    return {
      ...describeChallenge(challenge, names, this.clock.now()),
      decisions: decisions.map(describeDecision),
    };
  }
}
