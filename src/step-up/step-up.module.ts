import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { SessionBearerGuard } from '../authentication/session-bearer.guard.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { readJsonBody } from '../platform/http/json-body.js';
import { guardUnknownRoutes } from '../platform/http/unknown-routes.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { ApproverDecisionsController } from './approvals.controller.js';
import { Approvals } from './approvals.service.js';
import { Attempts } from './attempts.service.js';
import { ChallengeDecision } from './challenge-decision.entity.js';
import { ChallengeWaits } from './challenge-waits.service.js';
import { Challenge } from './challenge.entity.js';
import { Challenges } from './challenges.service.js';
import { ProofController } from './proof.controller.js';
import { ProofSystem } from './proof-system.entity.js';
import { ProofSystems } from './proof-systems.service.js';
import { StepUpController } from './step-up.controller.js';
import { challengeWaitsMetrics } from './challenge-waits.metrics.js';
import { StepUpTurns } from './step-up-turns.service.js';

/** Challenges: a request is held until it is confirmed, and the confirmation is spent once. */
@Module({
  imports: [
    AuthenticationModule,
    SealingModule,
    LedgerModule,
    TypeOrmModule.forFeature([Challenge, ChallengeDecision, ProofSystem]),
  ],
  controllers: [StepUpController, ApproverDecisionsController, ProofController],
  providers: [
    Challenges,
    ChallengeWaits,
    Approvals,
    Attempts,
    ProofSystems,
    SessionBearerGuard,
    StepUpTurns,
    ...challengeWaitsMetrics,
  ],
  exports: [Challenges, Attempts, ProofSystems, StepUpTurns],
})
export class StepUpModule implements OnModuleInit {
  constructor(
    private readonly http: HttpAdapterHost,
    private readonly bearers: SessionBearerGuard,
    private readonly systems: ProofSystems,
  ) {}

  onModuleInit(): void {
    guardUnknownRoutes(this.http, {
      paths: ['/step-up/:id/request', '/step-up/:id/decision'],
      checks: [(request) => this.bearers.admit(request), readJsonBody],
    });
    guardUnknownRoutes(this.http, {
      paths: '/step-up/:id/callback',
      checks: [(request) => this.systems.admit(request), readJsonBody],
    });
  }
}
