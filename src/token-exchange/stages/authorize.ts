import { askPolicy, PolicyDenial, type Decide, type PolicyDecisions } from './ask-policy.js';
import { narrow, type Granted } from './narrow.js';
import type { Targeted } from './target.js';

/** A request that policy has been asked about; step-ups may still be owed. */
export interface Authorized extends Targeted {
  readonly granted: Granted;
  readonly policy: PolicyDecisions;
}

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
  const granted = narrow(targeted);
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
