import { setImmediate } from 'node:timers/promises';
import type { AuthorizationAnswer, DetailedError, Effect } from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicy, CompiledPolicySet } from './compile.js';
import { ask, type PreparedPolicies } from './engine.js';
import type { CedarRequest } from './cedar-request.js';
import { MAX_INPUT_BYTES, type PolicyInput } from './input.js';
import { Inquiry } from './inquiry.js';
import type { Part } from './slices.js';

/** A policy that determined a verdict. */
export interface DeterminingPolicy {
  readonly policy: string;
  readonly effect: Effect;
  readonly reason?: string;
  /** Whether the caller may see the reason; without this only operators do. */
  readonly public?: true;
}

/** The decision on an input, and why. */
export interface Verdict {
  readonly decision: 'allow' | 'deny' | 'step_up';
  /** The type of the challenge that would lift the forbids; only with `step_up`. */
  readonly stepUp?: string;
  /** The type of the challenge that lifted forbids; compare it with the one that was resolved. */
  readonly resolvedStepUp?: string;
  readonly determiningPolicies: readonly DeterminingPolicy[];
  readonly diagnostics: readonly object[];
  readonly evaluationStatus: 'complete' | 'error';
  /** The smallest `@max_ttl` of the permits; only with `allow`. */
  readonly maxTtlSeconds?: number;
}

/** An evaluation error of one policy. */
interface Diagnosis {
  readonly policy: string;
  readonly message: string;
}

/** Cedar's answer, with the errors for which plain Cedar would skip policies. */
interface Answer {
  readonly allowed: boolean;
  readonly determining: readonly CompiledPolicy[];
  readonly errors: readonly object[];
}

/** One call of the engine that a decision takes. */
export interface Question {
  readonly policies: PreparedPolicies;
  readonly request: CedarRequest;
}

/** Puts questions to an engine on another thread, and returns the answers in their order. */
export type AskElsewhere = (
  questions: readonly Question[],
) => Promise<readonly AuthorizationAnswer[]>;

/** A decision in the making: it puts questions, is given the answers, and ends in a verdict. */
type Deciding = Generator<readonly Question[], Verdict, readonly AuthorizationAnswer[]>;

/**
 * Decides an input. Total and pure: denies when nothing permits, when anything forbids, and when
 * anything goes wrong. Forbids with `@step_up` turn into a step-up if they alone stand in the way, and
 * do not count once the challenge is resolved.
 */
export function evaluate(set: CompiledPolicySet, input: PolicyInput): Verdict {
  return evaluateInquiry(new Inquiry(set, input));
}

/** Decides as {@link evaluate} does what was looked at before. */
export function evaluateInquiry(inquiry: Inquiry): Verdict {
  const deciding = decide(inquiry);
  let answers: readonly AuthorizationAnswer[] = [];
  try {
    for (;;) {
      const { done, value } = deciding.next(answers);
      if (done === true) return value;
      answers = value.map(({ policies, request }) => ask(policies, request));
    }
  } catch (cause) {
    return failed(cause);
  }
}

/**
 * Decides as {@link evaluateInquiry} does, by an engine that is elsewhere.
 *
 * @throws what `askElsewhere` throws: without an answer there is no decision, not even a denial
 */
export async function evaluateElsewhere(
  inquiry: Inquiry,
  askElsewhere: AskElsewhere,
): Promise<Verdict> {
  const deciding = decide(inquiry);
  let answers: readonly AuthorizationAnswer[] = [];
  for (;;) {
    const step = next(deciding, answers);
    if ('verdict' in step) return step.verdict;
    // oxlint-disable-next-line no-await-in-loop -- the second question depends on the first answer
    answers = await askElsewhere(step.questions);
  }
}

function next(deciding: Deciding, answers: readonly AuthorizationAnswer[]) {
  try {
    const { done, value } = deciding.next(answers);
    return done === true ? { verdict: value } : { questions: value };
  } catch (cause) {
    return { verdict: failed(cause) };
  }
}

/**
 * Parses, in steps of some 20 ms, what the first requests would otherwise wait for. Optional; meant for a
 * set that is about to decide.
 */
export async function warm(set: CompiledPolicySet): Promise<void> {
  await set.slices.warm(setImmediate);
}

/** Unloads a set that will not be evaluated again soon from the engine. */
export function release(set: CompiledPolicySet): void {
  set.slices.release();
}

/** What it reads of the input itself is among what the policies read (reads.ts). */
function* decide(inquiry: Inquiry): Deciding {
  const { set, bytes, parts } = inquiry;
  if (inquiry.isTooLarge) {
    const message = `the input has ${bytes} bytes, which is more than ${MAX_INPUT_BYTES}`;
    return errorVerdict([{ message, limit: 'input' }]);
  }
  const request = inquiry.request();
  const answer = yield* answerOf(set, parts, 'all', request);
  if (answer.errors.length > 0) return errorVerdict(answer.errors);
  const types = new Set(answer.determining.map(({ stepUp }) => stepUp));
  // The determining policies of a denial are forbids. One without a step-up always wins.
  if (answer.allowed || types.size === 0 || types.has(undefined)) return verdictOf(answer);

  const rest = yield* answerOf(set, parts, 'withoutStepUps', request);
  if (rest.errors.length > 0) return errorVerdict(rest.errors);
  if (!rest.allowed) return verdictOf(answer);
  const [stepUp, another] = types;
  if (stepUp === undefined) return verdictOf(answer);
  if (another !== undefined) {
    // One challenge has one type, so none could satisfy both, and any resolved one would lift both.
    return { ...verdictOf(answer), diagnostics: [{ conflicting_step_ups: [...types] }] };
  }
  if (request.context['challenge_resolved'] === true)
    return { ...verdictOf(rest), resolvedStepUp: stepUp };
  return { ...verdictOf(answer), decision: 'step_up', stepUp };
}

/** The combined answer of the parts, which is that of one set of all their policies. */
function* answerOf(
  set: CompiledPolicySet,
  parts: readonly Part[],
  variant: 'all' | 'withoutStepUps',
  request: CedarRequest,
): Generator<readonly Question[], Answer, readonly AuthorizationAnswer[]> {
  const permits: CompiledPolicy[] = [];
  const forbids: CompiledPolicy[] = [];
  const errors: Diagnosis[] = [];
  const answers = yield parts.map((part) => ({ policies: part[variant], request }));
  for (const answer of answers) {
    if (answer.type === 'failure') return refused(answer.errors);
    const { decision, diagnostics } = answer.response;
    const determining = diagnostics.reason.map((id) => policyOf(set, id));
    (decision === 'allow' ? permits : forbids).push(...determining);
    for (const { policyId, error } of diagnostics.errors) {
      errors.push({ policy: policyId, message: error.message });
    }
  }
  const allowed = forbids.length === 0 && permits.length > 0;
  const determining = allowed ? permits : forbids;
  // Cedar's order is that of a hash table.
  return {
    allowed,
    determining: determining.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    errors: errors.toSorted((a, b) => (a.policy < b.policy ? -1 : 1)),
  };
}

/** The answer when the engine refused the request, whatever the policies. */
function refused(reasons: readonly DetailedError[]): Answer {
  if (reasons.length === 0) throw new Error('the policy engine refused the request');
  return {
    allowed: false,
    determining: [],
    errors: reasons.map(({ message }) => ({ message })),
  };
}

function policyOf({ policies }: CompiledPolicySet, id: string): CompiledPolicy {
  const policy = policies.get(id);
  if (policy === undefined) throw new Error('the policy engine named a policy of another set');
  return policy;
}

function verdictOf({ allowed, determining }: Answer): Verdict {
  const caps = determining.flatMap(({ maxTtlSeconds }) => maxTtlSeconds ?? []);
  return {
    decision: allowed ? 'allow' : 'deny',
    determiningPolicies: determining.map(({ id, effect, reason, public: isPublic }) => ({
      policy: id,
      effect,
      ...(reason && { reason }),
      ...(isPublic && { public: isPublic }),
    })),
    diagnostics: [],
    evaluationStatus: 'complete',
    ...(allowed && caps.length > 0 && { maxTtlSeconds: Math.min(...caps) }),
  };
}

function failed(cause: unknown): Verdict {
  return errorVerdict([
    { message: cause instanceof Error ? cause.message : 'the policy engine failed' },
  ]);
}

/** The verdict when anything went wrong: Cedar skips a policy that errs, and a forbid must not be skipped. */
function errorVerdict(diagnostics: readonly object[]): Verdict {
  return { decision: 'deny', determiningPolicies: [], diagnostics, evaluationStatus: 'error' };
}
