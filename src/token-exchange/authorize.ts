import { OAuthError, unavailable } from '../oauth/errors.js';
import { intersect, isSubset } from '../oauth/scope.js';
import type { CompiledPolicySet } from '../policy/compile.js';
import type { Verdict } from '../policy/evaluate.js';
import type { PolicyInput } from '../policy/input.js';
import type { ResourceView } from '../snapshot/zone-snapshot.js';
import type { Bound } from './bind.js';
import { policyInput } from './policy-input.js';

/** What policy said about one resource. */
export interface Decision {
  readonly resource: ResourceView;
  /** What was asked: recorded, so that the decision can be explained and made again. */
  readonly input: PolicyInput;
  readonly verdict: Verdict;
}

/** The decisions of a request, and what made them. */
export interface PolicyDecisions {
  readonly setVersionId: string;
  readonly manifestSha256: string;
  readonly decisions: readonly Decision[];
}

/** A request that policy has been asked about; step-ups may still be owed. */
export interface Authorized extends Bound {
  readonly granted: { readonly targets: readonly string[]; readonly scope: readonly string[] };
  readonly policy: PolicyDecisions;
}

/** A denial by policy, with the decisions for the audit event. */
export class PolicyDenial extends OAuthError {
  constructor(
    readonly policy: PolicyDecisions,
    detail: string,
  ) {
    super('access_denied', 'policy does not permit this exchange', { detail });
  }
}

/** Decides one input. */
export type Decide = (compiled: CompiledPolicySet, input: PolicyInput) => Verdict;

/**
 * Stage 5: narrows to what subject and resources allow, then asks policy about each resource. All of
 * them are granted, or none.
 *
 * @param now milliseconds since the epoch
 * @throws {OAuthError} invalid_target, invalid_scope, access_denied; temporarily_unavailable if the
 *   zone's policy cannot be used
 */
export function authorize(bound: Bound, decide: Decide, now: number): Authorized {
  const resources = bound.targets.map((target) => findResource(bound, target));
  const scope = narrowScope(bound, resources);
  const { policy } = bound.zone;
  if (policy.status === 'broken') throw unavailable(`policy: ${policy.problem}`);
  if (policy.status === 'none') {
    throw new OAuthError('access_denied', 'policy does not permit this exchange', {
      detail: 'no policy set is active',
    });
  }
  const decisions = resources.map((resource) => {
    const input = policyInput(bound, resource, scope, now);
    return { resource, input, verdict: decide(policy.compiled, input) };
  });
  const made = {
    setVersionId: policy.setVersionId,
    manifestSha256: policy.manifestSha256,
    decisions,
  };
  const denied = decisions.find(({ verdict }) => verdict.decision === 'deny');
  if (denied !== undefined) {
    throw new PolicyDenial(made, `denied for ${denied.resource.identifier}`);
  }
  return { ...bound, granted: { targets: bound.targets, scope }, policy: made };
}

function findResource({ zone, subject }: Bound, target: string): ResourceView {
  const resource = zone.resources.get(target);
  const refuse = (detail: string): OAuthError =>
    new OAuthError('invalid_target', 'a resource is unknown or not available', {
      detail: `${detail}: ${target}`,
    });
  if (resource === undefined) throw refuse('unknown resource');
  if (resource.access === 'gateway') throw refuse('resource is for gateways only');
  if (subject !== null && !subject.target.includes(target))
    throw refuse('beyond the subject token');
  return resource;
}

/** One rule for every exchange: a scope is granted only if everything involved allows it. */
function narrowScope(
  { scope, subject }: Bound,
  resources: readonly ResourceView[],
): readonly string[] {
  const allowed = resources.map((resource) => resource.scopes);
  // Without a subject token there is nothing to inherit, so silence asks for nothing.
  if (scope === null) return subject === null ? [] : intersect(subject.scope, ...allowed);
  const ceilings = subject === null ? allowed : [subject.scope, ...allowed];
  if (ceilings.every((ceiling) => isSubset(scope, ceiling))) return scope;
  throw new OAuthError('invalid_scope', 'the scope is more than what is available', {
    detail: 'scope beyond the subject token or a resource',
  });
}
