import type { Effect } from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicy, CompiledPolicySet } from './compile.js';
import { type PreparedPolicies, ask, forget } from './engine.js';
import { type CedarRequest, type PolicyInput, toCedarRequest } from './input.js';

/** A policy that made the verdict what it is. */
export interface DeterminingPolicy {
  readonly policy: string;
  readonly effect: Effect;
  readonly reason?: string;
}

/** What policy says to an input, and why. */
export interface Verdict {
  readonly decision: 'allow' | 'deny' | 'step_up';
  /** The challenge that would lift what forbids; only with `step_up`. */
  readonly stepUp?: string;
  /** The challenge that lifted what forbade; compare it with the one that was resolved. */
  readonly resolvedStepUp?: string;
  readonly determiningPolicies: readonly DeterminingPolicy[];
  readonly diagnostics: readonly object[];
  readonly evaluationStatus: 'complete' | 'error';
  /** The smallest `@max_ttl` of what permits; only with `allow`. */
  readonly maxTtlSeconds?: number;
}

/** What Cedar answered, with the errors that plain Cedar would skip policies for. */
interface Answer {
  readonly allowed: boolean;
  readonly determining: readonly CompiledPolicy[];
  readonly errors: readonly object[];
}

/**
 * Decides an input. Total and pure: denies when nothing permits, when anything forbids, and when
 * anything goes wrong. Forbids with `@step_up` turn into a step-up if they alone stand in the way, and
 * do not count once the challenge is resolved.
 */
export function evaluate(set: CompiledPolicySet, input: PolicyInput): Verdict {
  try {
    return weigh(set, toCedarRequest(input));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'the policy engine failed';
    return broken([{ message }]);
  }
}

/** Lets the engine drop what it holds for a set that will not be evaluated again soon. */
export function release(set: CompiledPolicySet): void {
  forget(set.all);
  forget(set.withoutStepUps);
}

function weigh(set: CompiledPolicySet, request: CedarRequest): Verdict {
  const answer = answerOf(set, set.all, request);
  if (answer.errors.length > 0) return broken(answer.errors);
  const types = new Set(answer.determining.map(({ stepUp }) => stepUp));
  // Of a denial the determining policies are forbids. One without a step-up always wins.
  if (answer.allowed || types.size === 0 || types.has(undefined)) return settled(answer);

  const rest = answerOf(set, set.withoutStepUps, request);
  if (rest.errors.length > 0) return broken(rest.errors);
  if (!rest.allowed) return settled(answer);
  const [stepUp, another] = types;
  if (stepUp === undefined) return settled(answer);
  if (another !== undefined) {
    // One challenge has one type, so none could satisfy both, and any resolved one would lift both.
    return { ...settled(answer), diagnostics: [{ conflicting_step_ups: [...types] }] };
  }
  if (request.context['challenge_resolved'] === true)
    return { ...settled(rest), resolvedStepUp: stepUp };
  return { ...settled(answer), decision: 'step_up', stepUp };
}

function answerOf(
  set: CompiledPolicySet,
  policies: PreparedPolicies,
  request: CedarRequest,
): Answer {
  const answer = ask(policies, request);
  if (answer.type === 'failure') {
    const errors = answer.errors.map(({ message }) => ({ message }));
    if (errors.length === 0) throw new Error('the policy engine refused the request');
    return { allowed: false, determining: [], errors };
  }
  const { decision, diagnostics } = answer.response;
  return {
    allowed: decision === 'allow',
    determining: diagnostics.reason.map((id) => policyOf(set, id)).toSorted(byId),
    errors: diagnostics.errors.map(({ policyId, error }) => ({
      policy: policyId,
      message: error.message,
    })),
  };
}

function policyOf({ policies }: CompiledPolicySet, id: string): CompiledPolicy {
  const policy = policies.get(id);
  if (policy === undefined) throw new Error('the policy engine named a policy of another set');
  return policy;
}

/** Cedar's order is that of a hash table. */
function byId(a: CompiledPolicy, b: CompiledPolicy): number {
  return a.id < b.id ? -1 : 1;
}

function settled({ allowed, determining }: Answer): Verdict {
  const caps = determining.flatMap(({ maxTtlSeconds }) => maxTtlSeconds ?? []);
  return {
    decision: allowed ? 'allow' : 'deny',
    determiningPolicies: determining.map(({ id, effect, reason }) => ({
      policy: id,
      effect,
      ...(reason && { reason }),
    })),
    diagnostics: [],
    evaluationStatus: 'complete',
    ...(allowed && caps.length > 0 && { maxTtlSeconds: Math.min(...caps) }),
  };
}

/** Cedar skips a policy that errs, and a forbid must not be skipped. */
function broken(diagnostics: readonly object[]): Verdict {
  return { decision: 'deny', determiningPolicies: [], diagnostics, evaluationStatus: 'error' };
}
