import { Injectable } from '@nestjs/common';
import { PolicySets } from '../policy/policy-sets.service.js';
import { Shadow } from '../policy/shadow.service.js';
import { inSpan } from '../platform/tracing/spans.js';
import type { LastStage } from './describe/last-stage.js';
import { ExchangeMetrics } from './exchange.metrics.js';
import type { Outcome } from './outcome.js';
import {
  PolicyDenial,
  PolicyUnusable,
  type Decide,
  type PolicyDecisions,
} from './stages/ask-policy.js';

/** Asks the zone's policy, counts what it says, and lets the candidate set decide the same afterwards. */
@Injectable()
export class PolicyDecisionPoint {
  constructor(
    private readonly policySets: PolicySets,
    private readonly shadow: Shadow,
    private readonly metrics: ExchangeMetrics,
  ) {}

  /** Decides the inputs of a request by one compiled set. */
  readonly decide: Decide = (zoneId, compiled, inputs) =>
    inSpan('policy decide', async (span) => {
      const verdicts = await this.policySets.decide(zoneId, compiled, inputs);
      const decisions = verdicts.map(({ evaluationStatus, decision }) =>
        evaluationStatus === 'error' ? 'error' : decision,
      );
      for (const decision of decisions) this.metrics.decided(decision);
      span?.set({ 'mandate.policy.decisions': decisions });
      return verdicts;
    });

  /**
   * Follows up on a request that policy was asked about: counts a set that could not be used, and tries
   * the zone's candidate set on what was granted, held, or denied by policy. That has no effect on the
   * answer and does not delay it.
   */
  followUp(requestId: string, last: LastStage, outcome: Outcome): void {
    if (outcome.status === 'stale') return;
    if (outcome.status === 'refused') {
      const { error } = outcome;
      if (error instanceof PolicyUnusable) this.policySets.failed(error.kind);
      if (error instanceof PolicyDenial) this.tryCandidate(requestId, last, error.policy);
      return;
    }
    if (last !== null && 'policy' in last) this.tryCandidate(requestId, last, last.policy);
  }

  private tryCandidate(requestId: string, last: LastStage, { decisions }: PolicyDecisions): void {
    if (last === null || !('caller' in last)) return;
    const { zone, client } = last.caller;
    this.shadow.observe(zone.shadow, {
      zoneId: zone.zoneId,
      clientId: client.id,
      requestId,
      decisions,
    });
  }
}
