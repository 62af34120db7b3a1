import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import { ApiBearerAuth, ApiResponse, ApiTags } from '../platform/http/openapi-decorators.js';
import { BearerToken, SessionBearerGuard } from '../authentication/session-bearer.guard.js';
import { TURN_DEADLINE_MS } from '../platform/database/zone-turn.js';
import { AnswerWithin } from '../platform/http/deadline.interceptor.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../platform/http/request-id.js';
import { StrictBodies } from '../platform/http/strict-bodies.js';
import { Approvals } from './approvals.service.js';
import { Challenges } from './challenges.service.js';
import { decidedOrThrow } from './decision-answer.js';
import { ApproverDecisionBody } from './decision.body.js';
import { describeChallenge } from './describe-challenge.js';

/** Lets approvers look at what they are asked to confirm, and decide on what they saw. */
@ApiTags('step-up')
@ApiBearerAuth('mandate')
@ApiResponse({ status: 401, description: 'The bearer is not a usable session mandate' })
@ApiResponse({
  status: 403,
  description: 'Without the scope challenge:decide, or a part of what is asked for',
})
@ApiResponse({ status: 404, description: 'Unknown, malformed and of another zone alike' })
@UseGuards(SessionBearerGuard)
@StrictBodies()
@Controller('step-up/:id')
export class ApproverDecisionsController {
  constructor(
    private readonly approvals: Approvals,
    private readonly challenges: Challenges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Shows what a challenge stands for, to an approver. */
  @Get('request')
  @Header('Cache-Control', 'no-store')
  async show(@Param('id') id: string, @BearerToken() token: string) {
    const challenge = await this.approvals.show(token, id);
    if (challenge === null) throw new NotFoundException('no such challenge');
    const names = await this.challenges.clientNames(challenge);
    return describeChallenge(challenge, names, this.clock.now());
  }

  /** Approves or rejects a challenge, as an approver, on what was looked at. That is final. */
  @Post('decision')
  @HttpCode(200)
  @AnswerWithin(TURN_DEADLINE_MS)
  async decide(
    @Param('id') id: string,
    @Body() body: ApproverDecisionBody,
    @BearerToken() token: string,
    @CurrentRequestId() requestId: RequestId,
  ) {
    const deciding = this.approvals.decide(token, id, body, requestId);
    const challenge = await deciding.then(decidedOrThrow);
    const names = await this.challenges.clientNames(challenge);
    return describeChallenge(challenge, names, this.clock.now());
  }
}
