import { canAuthenticate, DEFAULT_TYPE, termsOf, typeForAcr } from '../../step-up/type-terms.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import type { Authorized } from './authorize.js';
import { PolicyDenial } from './ask-policy.js';
import type { AuthenticationContext } from './authentication-context.js';

/** A step-up that is owed before a mandate is issued, by policy or by the request itself. */
export interface Demand {
  /** The resources for which policy wants it; none if only the request does. */
  readonly resources: readonly string[];
  /** `null` if no challenge leads to what the request wants: it has to be there already. */
  readonly challenge: { readonly type: string; readonly terms: StepUpTerms } | null;
  readonly acrValues: readonly string[] | null;
  readonly maxAge: number | null;
  /** Whether it is about something that is named exactly, such as a payment (RFC 9396). */
  readonly isExact: boolean;
}

/**
 * What a request owes: what policy wants of it (`@step_up`), and what it wants itself (RFC 9470 4).
 *
 * @returns `null` if that is nothing
 * @throws {OAuthError} access_denied if no single challenge could satisfy all resources
 */
export function demandOf(authorized: Authorized): Demand | null {
  const { policy, asked, caller, granted } = authorized;
  const { acrValues, maxAge } = asked;
  const owing = policy.decisions.filter(({ verdict }) => verdict.decision === 'step_up');
  if (owing.length === 0 && acrValues === null && maxAge === null) return null;
  const wanted = new Set(owing.map(({ verdict }) => verdict.stepUp));
  if (wanted.size > 1) {
    throw new PolicyDenial(policy, `step-ups of several types: ${[...wanted].join(', ')}`);
  }
  const [byPolicy] = wanted;
  const { stepUpTypes } = caller.zone;
  const type = byPolicy ?? (acrValues === null ? DEFAULT_TYPE : typeForAcr(stepUpTypes, acrValues));
  return {
    resources: owing.map(({ resource }) => resource.identifier).toSorted(),
    challenge: type === null ? null : { type, terms: termsOf(stepUpTypes, type) },
    acrValues,
    maxAge,
    isExact: granted.details.length > 0,
  };
}

/** What a request wants of its subject's authentication (RFC 9470 4). */
type Wanted = Pick<Demand, 'acrValues' | 'maxAge'>;

/**
 * Whether the authentication of the subject is what the request itself wants.
 *
 * @param now seconds since the epoch
 */
export function meetsRequest(
  { acrValues, maxAge }: Wanted,
  context: AuthenticationContext | null,
  now: number,
): boolean {
  if (acrValues !== null && !hasAcr(context, acrValues)) return false;
  // A `max_age` of 0 asks for a new authentication (OpenID Connect Core 3.1.2.1).
  return maxAge === null || (maxAge > 0 && ageOf(context, now) <= maxAge);
}

/**
 * Whether the subject has shown of late what policy wants, so that it need not show it again: as long as the
 * type says. What others have approved was one request, so a type that takes several persons asks them each time; and what
 * is named exactly was not confirmed by a confirmation of something else.
 *
 * @param now seconds since the epoch
 */
export function meetsPolicy(
  { challenge, resources, isExact }: Demand,
  context: AuthenticationContext | null,
  now: number,
): boolean {
  if (resources.length === 0) return true;
  if (isExact || challenge === null || !canAuthenticate(challenge.terms)) return false;
  const { acr, quorum, reuse_seconds: reuse } = challenge.terms;
  return reuse > 0 && quorum === 1 && hasAcr(context, [acr]) && ageOf(context, now) <= reuse;
}

/** Whether an authentication is of one of the wanted classes. */
export function hasAcr(
  context: AuthenticationContext | null,
  acrValues: readonly string[],
): boolean {
  return context?.acr !== undefined && acrValues.includes(context.acr);
}

function ageOf(context: AuthenticationContext | null, now: number): number {
  return context?.authTime === undefined ? Number.POSITIVE_INFINITY : now - context.authTime;
}
