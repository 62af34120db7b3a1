import type { Verdict } from './evaluate.js';

/** What a decision comes to, by whichever policies: what a caller would feel of it, and not why. */
export interface PolicyOutcome {
  readonly decision: Verdict['decision'];
  /** Whether policy could not decide, and so denied. */
  readonly failed: boolean;
  /** The type of the challenge that is demanded; `null` for none. */
  readonly stepUp: string | null;
  /** The most seconds that a mandate may live, if policy says so. */
  readonly maxTtlSeconds: number | null;
}

/**
 * How two outcomes differ: by what they decide, by the challenge that they demand, or by how long a mandate lives.
 * `error`: the policies that are tried cannot decide, which their author needs to know.
 */
export type OutcomeChange =
  | 'error'
  | `${Verdict['decision']}_to_${Verdict['decision']}`
  | 'step_up_changed'
  | 'max_ttl_changed';

/** The outcome of a verdict. */
export function outcomeOf({
  decision,
  evaluationStatus,
  stepUp,
  maxTtlSeconds,
}: Verdict): PolicyOutcome {
  return {
    decision,
    failed: evaluationStatus === 'error',
    stepUp: stepUp ?? null,
    maxTtlSeconds: maxTtlSeconds ?? null,
  };
}

/** What is different in an outcome from the one before; `null` for nothing. */
export function changeBetween(before: PolicyOutcome, after: PolicyOutcome): OutcomeChange | null {
  if (after.failed) return before.failed ? null : 'error';
  if (before.decision !== after.decision) return `${before.decision}_to_${after.decision}`;
  if (before.stepUp !== after.stepUp) return 'step_up_changed';
  return before.maxTtlSeconds === after.maxTtlSeconds ? null : 'max_ttl_changed';
}
