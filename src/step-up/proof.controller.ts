import {
  Body,
  Controller,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { ApiResponse, ApiTags } from '../platform/http/openapi-decorators.js';
import type { Request } from 'express';
import type { EntityManager } from 'typeorm';
import { TURN_DEADLINE_MS } from '../platform/database/zone-turn.js';
import { AnswerWithin } from '../platform/http/deadline.interceptor.js';
import { CurrentRequestId, type RequestId } from '../platform/http/request-id.js';
import { StrictBodies } from '../platform/http/strict-bodies.js';
import { Challenges } from './challenges.service.js';
import { decidedOrThrow } from './decision-answer.js';
import { ProofBody } from './proof.body.js';
import { ProofSystemGuard } from './proof-system.guard.js';
import { ProofSystems } from './proof-systems.service.js';

/** Takes what proof systems outside have found out. */
@ApiTags('step-up')
@ApiResponse({ status: 401, description: 'Not signed by a proof system' })
@ApiResponse({ status: 404, description: 'Unknown, malformed and of another zone alike' })
@ApiResponse({
  status: 409,
  description: 'Decided, expired, or something else than what was shown',
})
@UseGuards(ProofSystemGuard)
@StrictBodies()
@Controller('step-up/:id')
export class ProofController {
  constructor(
    private readonly systems: ProofSystems,
    private readonly challenges: Challenges,
  ) {}

  /** Approves or rejects a challenge, as a proof system (Standard Webhooks headers and `Mandate-Proof-System`). */
  @Post('callback')
  @HttpCode(204)
  @AnswerWithin(TURN_DEADLINE_MS)
  async report(
    @Param('id') id: string,
    @Body() body: ProofBody,
    @CurrentRequestId() requestId: RequestId,
    @Req() request: Request,
  ): Promise<void> {
    const system = this.systems.of(request);
    const { zoneId, id: systemId, types } = system;
    const challenge = await this.challenges.find(zoneId, id);
    // The path is not signed, so what is in the body counts.
    const covered =
      challenge !== null &&
      body.challenge_id === id &&
      (types.length === 0 || types.includes(challenge.type));
    if (!covered) throw new NotFoundException('no such challenge');
    const { decision, reason, binding, by, amr = [] } = body;
    const input = {
      method: 'proof_system' as const,
      decision,
      reason,
      binding,
      decider: { kind: 'proof_system' as const, systemId, by },
      amr,
    };
    const admit = (tx: EntityManager) => this.systems.counts(tx, system);
    await this.challenges.decide(zoneId, id, input, requestId, { admit }).then(decidedOrThrow);
  }
}
