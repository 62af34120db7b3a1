import { DEFAULT_TYPE, termsOf, typeForAcr } from '../../step-up/type-terms.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { PolicyDenial, type Authorized } from './authorize.js';
import type { AuthenticationContext } from './authentication-context.js';

/** A step-up that is owed before a mandate is issued, by policy or by the request itself. */
export interface Demand {
  /** The resources for which policy wants it; none if only the request does. */
  readonly resources: readonly string[];
  /** `null` if no challenge leads to what the request wants: it has to be there already. */
  readonly challenge: { readonly type: string; readonly terms: StepUpTerms } | null;
  readonly acrValues: readonly string[] | null;
  readonly maxAge: number | null;
}

/**
 * What a request owes: what policy wants of it (`@step_up`), and what it wants itself (RFC 9470 4).
 *
 * @returns `null` if that is nothing
 * @throws {OAuthError} access_denied if no single challenge could satisfy all resources
 */
export function demandOf(authorized: Authorized): Demand | null {
  const { policy, acrValues, maxAge, zone } = authorized;
  const owing = policy.decisions.filter(({ verdict }) => verdict.decision === 'step_up');
  if (owing.length === 0 && acrValues === null && maxAge === null) return null;
  const wanted = new Set(owing.map(({ verdict }) => verdict.stepUp));
  if (wanted.size > 1) {
    throw new PolicyDenial(policy, `step-ups of several types: ${[...wanted].join(', ')}`);
  }
  const [byPolicy] = wanted;
  const type =
    byPolicy ?? (acrValues === null ? DEFAULT_TYPE : typeForAcr(zone.stepUpTypes, acrValues));
  return {
    resources: owing.map(({ resource }) => resource.identifier).toSorted(),
    challenge: type === null ? null : { type, terms: termsOf(zone.stepUpTypes, type) },
    acrValues,
    maxAge,
  };
}

/**
 * Whether what is known of the subject is enough, so that no new challenge is needed. What others have
 * confirmed was one request, so it is not enough for another one unless the type says so.
 *
 * @param now seconds since the epoch
 */
export function isMet(demand: Demand, context: AuthenticationContext | null, now: number): boolean {
  if (context === null) return false;
  const { challenge, resources, acrValues, maxAge } = demand;
  const { acr, authTime } = context;
  const age = authTime === undefined ? Number.POSITIVE_INFINITY : now - authTime;
  if (acrValues !== null && (acr === undefined || !acrValues.includes(acr))) return false;
  // A `max_age` of 0 asks for a new authentication (OpenID Connect Core 3.1.2.1).
  if (maxAge !== null && (maxAge === 0 || age > maxAge)) return false;
  const terms = acr === challenge?.terms.acr ? challenge?.terms : undefined;
  const forOneRequest = terms !== undefined && !terms.subject_may_satisfy;
  if (resources.length === 0 && !forOneRequest) return true;
  return terms !== undefined && terms.reuse_seconds > 0 && age <= terms.reuse_seconds;
}
