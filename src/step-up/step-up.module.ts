import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LedgerModule } from '../ledger/ledger.module.js';
import { Attempts } from './attempts.service.js';
import { ChallengeDecision } from './challenge-decision.entity.js';
import { Challenge } from './challenge.entity.js';
import { Challenges } from './challenges.service.js';

/** Holds a request until someone confirms it; lets the confirmation be spent once. */
@Module({
  imports: [LedgerModule, TypeOrmModule.forFeature([Challenge, ChallengeDecision])],
  providers: [Challenges, Attempts],
  exports: [Challenges, Attempts],
})
export class StepUpModule {}
