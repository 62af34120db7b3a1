import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { BearersModule } from '../authentication/bearers.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ApprovalsController } from './approvals.controller.js';
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
import { stepUpMetrics } from './step-up.metrics.js';

/** Challenges: a request is held until it is confirmed, and the confirmation is spent once. */
@Module({
  imports: [
    BearersModule,
    KeysModule,
    LedgerModule,
    TypeOrmModule.forFeature([Challenge, ChallengeDecision, ProofSystem]),
  ],
  controllers: [StepUpController, ApprovalsController, ProofController],
  providers: [Challenges, ChallengeWaits, Approvals, Attempts, ProofSystems, ...stepUpMetrics],
  exports: [Challenges, Attempts, ProofSystems],
})
export class StepUpModule {}
