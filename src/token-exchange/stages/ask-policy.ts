import { OAuthError, unavailable } from '../../oauth/errors.js';
import { BackgroundFailure } from '../../policy/background/background.js';
import type { CompiledPolicySet } from '../../policy/engine/compile.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyFailureKind } from '../../policy/policy.metrics.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import type { Granted } from './narrow.js';
import type { Targeted } from './target.js';
import { policyInputs } from '../describe/policy-input.js';

/** The verdict of policy on one resource. */
export interface Decision {
  readonly resource: ResourceView;
  /** What was asked: recorded, so that the decision can be explained and made again. */
  readonly input: PolicyInput;
  readonly verdict: Verdict;
}

/** The decisions on a request, and the policy set that made them. */
export interface PolicyDecisions {
  readonly setVersionId: string;
  readonly manifestSha256: string;
  readonly decisions: readonly Decision[];
}

/** A denial by policy, with the decisions for the audit event. */
export class PolicyDenial extends OAuthError {
  constructor(
    readonly policy: PolicyDecisions,
    detail: string,
  ) {
    super('access_denied', publicReasons(policy.decisions) || DENIED, { detail });
  }
}

/** The refusal of a request whose zone has no usable policy; `setVersionId` is its set, if it has one. */
export class PolicyUnusable extends OAuthError {
  constructor(
    source: OAuthError,
    readonly kind: PolicyFailureKind,
    readonly setVersionId: string | null,
  ) {
    const { code, message, detail, retryAfter } = source;
    super(code, message, { detail, ...(retryAfter === undefined ? {} : { retryAfter }) });
  }
}

const DENIED = 'policy does not permit this exchange';
/** Reasons in one public text. A denial may have thousands. */
const MAX_REASONS = 3;

/** The public reasons of the policies that forbid. */
function publicReasons(decisions: readonly Decision[]): string {
  const reasons = decisions
    .filter(({ verdict }) => verdict.decision !== 'allow')
    .flatMap(({ verdict }) => verdict.determiningPolicies)
    .flatMap(({ effect, reason, public: isPublic }) =>
      effect === 'forbid' && isPublic ? (reason ?? []) : [],
    );
  return [...new Set(reasons)].slice(0, MAX_REASONS).join('; ');
}

/**
 * Decides the inputs of a request by a compiled set, one for each resource.
 *
 * @throws {BackgroundFailure} if there was no time for it
 */
export type Decide = (
  zoneId: string,
  compiled: CompiledPolicySet,
  inputs: readonly PolicyInput[],
) => Promise<readonly Verdict[]>;

export async function askPolicy(
  targeted: Targeted,
  { resources, scope, details }: Granted,
  decide: Decide,
  now: number,
  challengeResolved: boolean,
): Promise<PolicyDecisions> {
  const { policy, zoneId } = targeted.caller.zone;
  if (policy.status === 'broken') {
    const { kind, problem, setVersionId } = policy;
    throw new PolicyUnusable(unavailable(`policy: ${problem}`), kind, setVersionId);
  }
  if (policy.status === 'none') {
    const denial = new OAuthError('access_denied', DENIED, { detail: 'no policy set is active' });
    throw new PolicyUnusable(denial, 'no_active_set', null);
  }
  const inputs = policyInputs(targeted, { resources, scope, details }, now, challengeResolved);
  const verdicts = await decide(zoneId, policy.compiled, inputs).catch((error: unknown) => {
    throw undecided(error, policy.setVersionId);
  });
  const decisions = resources.flatMap((resource, n) => {
    const [input, verdict] = [inputs[n], verdicts[n]];
    return input === undefined || verdict === undefined ? [] : { resource, input, verdict };
  });
  if (decisions.length < resources.length) throw new Error('policy has not decided everything');
  const made = {
    setVersionId: policy.setVersionId,
    manifestSha256: policy.manifestSha256,
    decisions,
  };
  const denied = decisions.find(({ verdict }) => verdict.decision === 'deny');
  if (denied !== undefined) {
    throw new PolicyDenial(made, `denied for ${denied.resource.identifier}`);
  }
  return made;
}

/** The refusal when policy could not be asked now. */
function undecided(error: unknown, setVersionId: string): unknown {
  if (!(error instanceof BackgroundFailure)) return error;
  const kind = error.reason === 'time' ? 'time' : 'busy';
  return new PolicyUnusable(unavailable(`policy: ${error.message}`, error), kind, setVersionId);
}
