import { evaluate, type Verdict } from '../policy/evaluate.js';
import type { PolicyInput } from '../policy/input.js';
import type { ActivePolicy } from '../policy/policy-sets.service.js';

/** What an audit event says of one resource. */
interface RecordedDecision {
  readonly resource: string;
  readonly decision: string;
  readonly determining_policies: readonly { readonly policy: string }[];
  readonly input: PolicyInput;
}

/** The decisions of one request, as they were recorded. */
export interface Recorded {
  readonly zoneId: string;
  readonly setVersionId: string;
  readonly decisions: readonly RecordedDecision[];
}

/**
 * Reads the decisions out of an audit event.
 *
 * @returns `null` if policy was not asked, as in a request that was refused before
 */
export function readRecorded(event: Readonly<Record<string, unknown>>): Recorded | null {
  const { zone_id: zoneId, policy } = event;
  if (typeof zoneId !== 'string' || typeof policy !== 'object' || policy === null) return null;
  if (!('policy_set_version_id' in policy) || !('decisions' in policy)) return null;
  const { policy_set_version_id: setVersionId, decisions } = policy;
  if (typeof setVersionId !== 'string' || !Array.isArray(decisions)) return null;
  // What is in the log was written by us, and its hash chain says so.
  const recorded: RecordedDecision[] = decisions;
  return { zoneId, setVersionId, decisions: recorded };
}

/** Makes recorded decisions again, on the policy given. */
export function replay({ decisions }: Recorded, policy: ActivePolicy) {
  if (policy.status !== 'ready') {
    const problem = policy.status === 'broken' ? policy.problem : 'no policy set version is named';
    return { same: false, problem, decisions: [] };
  }
  const replayed = decisions.map(({ resource, input, ...was }) => {
    const now = outcomeOf(evaluate(policy.compiled, input));
    const recorded = {
      decision: was.decision,
      determining_policies: names(was.determining_policies),
    };
    return { resource, recorded, replayed: now, same: sameOutcome(recorded, now) };
  });
  return { same: replayed.every(({ same }) => same), decisions: replayed };
}

interface Outcome {
  readonly decision: string;
  readonly determining_policies: readonly string[];
}

function outcomeOf({ decision, determiningPolicies }: Verdict): Outcome {
  return { decision, determining_policies: names(determiningPolicies) };
}

function names(policies: readonly { readonly policy: string }[]): string[] {
  return policies.map(({ policy }) => policy).toSorted();
}

function sameOutcome(one: Outcome, other: Outcome): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
