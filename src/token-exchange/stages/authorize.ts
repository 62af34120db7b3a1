import {
  isProblem,
  NO_DETAILS,
  type AuthorizationDetail,
} from '../../oauth/authorization-details/detail.js';
import { grantDetails } from '../../oauth/authorization-details/grant.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { intersect, isSubset } from '../../oauth/scope.js';
import { BackgroundFailure } from '../../policy/background/background.js';
import type { CompiledPolicySet } from '../../policy/engine/compile.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyFailureKind } from '../../policy/policy.metrics.js';
import { isForClient } from '../../zones/system-resources.js';
import { isForAudience } from '../../zones/clients/client-view.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import { wrongDetails } from './parse.js';
import type { Targeted, Targets } from './target.js';
import { scopeOf } from './upstream-call.js';
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

/** A request that policy has been asked about; step-ups may still be owed. */
export interface Authorized extends Targeted {
  readonly granted: Granted;
  readonly policy: PolicyDecisions;
}

/** What is granted, once nothing is owed. */
export interface Granted {
  readonly resources: readonly ResourceView[];
  /** The identifiers of these. */
  readonly targets: readonly string[];
  readonly scope: readonly string[];
  /** What exactly (RFC 9396); none where the scope says all. */
  readonly details: readonly AuthorizationDetail[];
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

/**
 * Stage 5: narrows to what subject and resources allow, then asks policy about each resource. All of
 * them are granted, or none.
 *
 * @param now milliseconds since the epoch
 * @throws {OAuthError} invalid_target, invalid_scope, invalid_authorization_details, access_denied; temporarily_unavailable if the
 *   zone's policy cannot be used, or there was no time to ask it
 */
export async function authorize(
  targeted: Targeted,
  decide: Decide,
  now: number,
): Promise<Authorized> {
  const { asked, challenge, caller, principals, anchor, agency, actingAgent, targets } = targeted;
  const resources = targets.resources.map((target) => findResource(targeted, target));
  checkTyps(targeted, resources);
  const scope = narrowScope(targeted, resources);
  checkOperations(targeted, resources, scope);
  const details = narrowDetails(targeted, resources, scope);
  const granted = { resources, targets: targets.resources, scope, details };
  const policy = await askPolicy(targeted, granted, decide, now, false);
  const found = { asked, challenge, caller, principals, anchor, agency, actingAgent, targets };
  return { granted, policy, ...found };
}

/**
 * Asks again, now that a challenge of the type that policy demands has been satisfied.
 *
 * @throws {OAuthError} access_denied
 */
export async function authorizeConfirmed(
  authorized: Authorized,
  type: string,
  decide: Decide,
  now: number,
): Promise<PolicyDecisions> {
  const made = await askPolicy(authorized, authorized.granted, decide, now, true);
  // Policy may demand something else of a request that has been confirmed.
  const other = made.decisions.find(
    ({ verdict: { decision, resolvedStepUp } }) =>
      decision !== 'allow' || (resolvedStepUp !== undefined && resolvedStepUp !== type),
  );
  if (other === undefined) return made;
  throw new PolicyDenial(made, `not confirmed for ${other.resource.identifier} by a ${type}`);
}

async function askPolicy(
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

/**
 * A resource that declares its operations is used through a gateway for these only, each with its
 * scope. Policy can narrow that further, never widen it.
 *
 * @throws {OAuthError} access_denied
 */
function checkOperations(
  { asked: { upstreamCall }, caller: { throughGateway } }: Targeted,
  resources: readonly ResourceView[],
  scope: readonly string[],
): void {
  if (!throughGateway) return;
  for (const { operations, identifier } of resources) {
    if (operations.length === 0) continue;
    const needed = upstreamCall === null ? null : scopeOf(upstreamCall, operations);
    if (needed !== null && scope.includes(needed)) continue;
    throw new OAuthError('access_denied', 'the operation is not permitted', {
      detail: `${needed === null ? 'undeclared operation' : `no scope ${needed}`}: ${identifier}`,
    });
  }
}

/**
 * A mandate has one `typ`. Where its resources take different ones, some of them would refuse it, and none would say why.
 *
 * @throws {OAuthError} invalid_target
 */
function checkTyps({ principals: { use } }: Targeted, resources: readonly ResourceView[]): void {
  // A session mandate is taken by us.
  if (use === 'session') return;
  const typs = new Set(resources.map(({ tokenTyp }) => tokenTyp));
  if (typs.size < 2) return;
  throw new OAuthError(
    'invalid_target',
    'the resources take mandates of different types; ask for them apart',
    {
      detail: resources.map(({ identifier, tokenTyp }) => `${tokenTyp}: ${identifier}`).join(', '),
    },
  );
}

function findResource({ agency, caller, principals, targets }: Targeted, target: string) {
  const { zone, throughGateway } = caller;
  const { subject, use, onBehalfOf } = principals;
  const resource = zone.resources.get(target);
  // Before one that an operator may have registered under its name.
  const system = zone.systemResources.all.get(target);
  const refuse = (detail: string): OAuthError =>
    new OAuthError('invalid_target', `${WHICH[targets.from]} is unknown or not available`, {
      detail: `${detail}: ${target}`,
    });
  if (system !== undefined) {
    const own = use === 'session' && agency === null;
    if (!own || !isForClient(zone.systemResources, target, caller.client)) {
      throw refuse('a system resource that is not for this client, or not by its own session');
    }
    return system;
  }
  if (resource === undefined) throw refuse('unknown resource');
  // A session mandate is for us, so it may aim at what only a gateway can then have minted.
  if (resource.access === 'gateway' && use === 'resource' && !throughGateway) {
    throw refuse('resource is for gateways only');
  }
  if (subject !== null && !onBehalfOf && !subject.target.includes(target)) {
    throw refuse('beyond the subject token');
  }
  if (!isForAudience(caller.client, target)) throw refuse('beyond the audience of the client');
  const edge = agency?.edge ?? null;
  if (edge !== null && !edge.constraints.resources.includes(target)) {
    throw refuse('beyond the delegation');
  }
  return resource;
}

/** What a caller is told which resource is meant, who may not have named any. */
const WHICH: Readonly<Record<Targets['from'], string>> = {
  request: 'a resource',
  scope: 'the resource of the scope',
  client: 'a default resource of the client',
  zone: 'a default resource of the zone',
  subject_token: 'a resource of the subject_token',
};

/**
 * One rule for every exchange: a scope is granted only if everything involved allows it. On behalf of
 * the subject the scopes of another resource are for policy to allow, since the subject's token knows
 * nothing of them.
 */
function narrowScope(
  {
    asked: { scope },
    caller: { client, zone },
    principals: { subject, onBehalfOf },
    agency,
  }: Targeted,
  resources: readonly ResourceView[],
): readonly string[] {
  const edgeScopes = agency?.edge?.scopes;
  // What the zone itself is asked for is for other settings of the client to allow.
  const system = resources.every(({ identifier }) => zone.systemResources.all.has(identifier));
  const allowed = [
    ...resources.map((resource) => resource.scopes),
    ...(edgeScopes === undefined ? [] : [edgeScopes]),
    ...(client.scopes === null || system ? [] : [client.scopes]),
  ];
  // Without a subject token of ours there is nothing to inherit, so silence asks for nothing.
  if (scope === null) return subject === null ? [] : intersect(subject.scope, ...allowed);
  const elsewhere =
    onBehalfOf && resources.every(({ identifier }) => !subject?.target.includes(identifier));
  const ceilings = subject === null || elsewhere ? allowed : [subject.scope, ...allowed];
  if (ceilings.every((ceiling) => isSubset(scope, ceiling))) return scope;
  throw new OAuthError('invalid_scope', 'the scope is more than what is available', {
    detail: 'scope beyond the subject token, the delegation, a resource or the client',
  });
}

/**
 * The details that are granted: what the request names, within what the subject token carries, and what of that it does not
 * name. What a token of another issuer carries counts like what one of ours does.
 */
function narrowDetails(
  { asked: { details: asked }, caller, principals: { subject, user } }: Targeted,
  resources: readonly ResourceView[],
  scope: readonly string[],
): readonly AuthorizationDetail[] {
  const presented =
    subject?.authorizationDetails ??
    user?.authorizationDetails ??
    caller.federated?.authorizationDetails ??
    NO_DETAILS;
  if (asked.length === 0 && presented.length === 0) return NO_DETAILS;
  const granted = grantDetails({ asked, presented, targets: resources, scope });
  if (isProblem(granted)) throw wrongDetails(granted.problem);
  return granted;
}
