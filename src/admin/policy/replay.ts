import { decideAside } from '../../policy/background/decide.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { ActivePolicy } from '../../policy/policy-sets.service.js';

/** What an audit event says of one resource. */
interface RecordedDecision {
  readonly resource: string;
  readonly decision: string;
  readonly evaluation_status: string;
  readonly determining_policies: readonly { readonly policy: string }[];
  readonly step_up_required?: string;
  readonly max_ttl_seconds?: number;
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

/**
 * Makes recorded decisions again, on the policy given.
 *
 * @throws {BackgroundFailure} if there was no time for them
 */
export async function replay(
  { zoneId, decisions }: Recorded,
  policy: ActivePolicy,
): Promise<Replayed> {
  if (policy.status !== 'ready') {
    const problem = policy.status === 'broken' ? policy.problem : 'no policy set version is named';
    return { same: false, problem, decisions: [] };
  }
  const inputs = decisions.map(({ input }) => input);
  // In turn with the zone's own decisions, as if it were another zone.
  const verdicts = await decideAside(`replay ${zoneId}`, policy.compiled, inputs);
  const replayed = verdicts.flatMap((verdict, n) => {
    const was = decisions[n];
    if (was === undefined) return [];
    const recorded = recordedOutcome(was);
    const now = outcomeOf(verdict);
    return {
      resource: was.resource,
      recorded,
      replayed: now,
      same: sameOutcome(recorded, now),
    };
  });
  return { same: replayed.every(({ same }) => same), decisions: replayed };
}

/** Decisions, made again. */
export interface Replayed {
  /** Whether all came out as they were recorded. */
  readonly same: boolean;
  /** Why none could be made. */
  readonly problem?: string;
  readonly decisions: readonly ReplayedDecision[];
}

/** A decision on one resource, as it was and as it would be. */
export interface ReplayedDecision {
  readonly resource: string;
  readonly recorded: Outcome;
  readonly replayed: Outcome;
  readonly same: boolean;
}

/** What a decision came to; members in one order, so that equal ones are equal as JSON. */
export interface Outcome {
  readonly decision: string;
  readonly evaluation_status: string;
  readonly determining_policies: readonly string[];
  readonly step_up_required: string | null;
  readonly max_ttl_seconds: number | null;
}

function recordedOutcome(was: Omit<RecordedDecision, 'resource' | 'input'>): Outcome {
  return {
    decision: was.decision,
    evaluation_status: was.evaluation_status,
    determining_policies: names(was.determining_policies),
    step_up_required: was.step_up_required ?? null,
    max_ttl_seconds: was.max_ttl_seconds ?? null,
  };
}

function outcomeOf(verdict: Verdict): Outcome {
  return {
    decision: verdict.decision,
    evaluation_status: verdict.evaluationStatus,
    determining_policies: names(verdict.determiningPolicies),
    step_up_required: verdict.stepUp ?? null,
    max_ttl_seconds: verdict.maxTtlSeconds ?? null,
  };
}

function names(policies: readonly { readonly policy: string }[]): string[] {
  return policies.map(({ policy }) => policy).toSorted();
}

function sameOutcome(one: Outcome, other: Outcome): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
