import { Inject, Injectable } from '@nestjs/common';
import { Sessions } from '../ledger/sessions/sessions.service.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { Attempts } from '../step-up/attempts.service.js';
import { Challenges } from '../step-up/challenges.service.js';
import { PolicyDecisionPoint } from './policy-decision-point.service.js';
import type { StepUpPorts } from './stages/clear.js';

/** What stage 6 asks whether a request is cleared: challenges, guesses at their secrets, sessions, and policy once more. */
@Injectable()
export class StepUpState implements StepUpPorts {
  readonly decide: StepUpPorts['decide'];
  /** `ISSUER_URL`, where people find the pages on which they confirm. */
  readonly issuerUrl: string;

  constructor(
    readonly challenges: Challenges,
    readonly attempts: Attempts,
    readonly sessions: Sessions,
    policy: PolicyDecisionPoint,
    @Inject(ENV) { issuerUrl }: Pick<RunningEnv, 'issuerUrl'>,
  ) {
    this.decide = policy.decide;
    this.issuerUrl = issuerUrl;
  }
}
