import { PolicyDenial, type Authorized } from './authorize.js';

declare const cleared: unique symbol;

/** A request that owes no step-up. Only {@link clear} makes one, and only this can be minted. */
export interface Cleared extends Authorized {
  readonly [cleared]: true;
}

/**
 * Stage 6: lets a request pass that owes no step-up.
 *
 * This version cannot hold a request for someone to confirm it, so one that would need that is denied.
 *
 * @throws {OAuthError} access_denied
 */
export function clear(authorized: Authorized): Cleared {
  const owing = authorized.policy.decisions.find(({ verdict }) => verdict.decision === 'step_up');
  if (owing !== undefined) {
    const { identifier } = owing.resource;
    throw new PolicyDenial(
      authorized.policy,
      `step-up ${owing.verdict.stepUp ?? ''} is required for ${identifier}, and not available`,
    );
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only
  return authorized as Cleared;
}
