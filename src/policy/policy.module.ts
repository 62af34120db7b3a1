import { Module } from '@nestjs/common';
import { CompileAhead } from './background/compile-ahead.service.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { DecisionMemory, memoryLimits } from './decision-memory.js';
import { policyMetrics } from './policy.metrics.js';
import { PolicySets } from './policy-sets.service.js';
import { CHECK_EVERY, RememberedDecisions } from './remembered-decisions.service.js';
import { Shadow } from './shadow.service.js';

/** Answers "may this principal do this to that resource", and why. */
@Module({
  providers: [
    PolicySets,
    CompileAhead,
    RememberedDecisions,
    {
      provide: DecisionMemory,
      inject: [ENV],
      useFactory: ({ remembersDecisions, workers }: RunningEnv) =>
        remembersDecisions ? new DecisionMemory(memoryLimits(workers)) : null,
    },
    // A prime number: requests for many resources would otherwise have the same one of them looked at each time.
    { provide: CHECK_EVERY, useValue: 997 },
    Shadow,
    ...policyMetrics,
  ],
  exports: [PolicySets, CompileAhead, Shadow],
})
export class PolicyModule {}
