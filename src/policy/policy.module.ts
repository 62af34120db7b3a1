import { Module } from '@nestjs/common';
import { CompileAhead } from './background/compile-ahead.service.js';
import { policyMetrics } from './policy.metrics.js';
import { PolicySets } from './policy-sets.service.js';
import { RememberedDecisions } from './remembered-decisions.service.js';
import { Shadow } from './shadow.service.js';

/** Answers "may this principal do this to that resource", and why. */
@Module({
  providers: [PolicySets, CompileAhead, RememberedDecisions, Shadow, ...policyMetrics],
  exports: [PolicySets, CompileAhead, Shadow],
})
export class PolicyModule {}
