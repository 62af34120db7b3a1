import type { HeldRequest } from '../../step-up/challenge.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import type { AuthenticationContext } from './authentication-context.js';
import type { Authorized } from './authorize.js';

declare const brand: unique symbol;

/** A request that owes no step-up. Only `clear` makes one, and only this can be minted. */
export interface Cleared extends Omit<Authorized, 'challenge'> {
  readonly [brand]: true;
  /** How the mandate says that the subject was authenticated; `null` if as the subject token says. */
  readonly authenticationContext: AuthenticationContext | null;
  /** The challenge that is spent with the mandate, if one is. */
  readonly redeemed: Redemption | null;
}

/** A challenge that is spent. */
export interface Redemption {
  readonly id: string;
  readonly type: string;
  /** Hex. */
  readonly binding: string;
  /** Hex. The secret itself ends here. */
  readonly secretDigest: string;
  /** What the subject itself has shown with it, which its session may remember; `null` if others have approved. */
  readonly shown: AuthenticationContext | null;
}

/** A request that has to wait for a confirmation. */
export interface Held {
  readonly authorized: Authorized;
  /** What the confirmation is about. */
  readonly request: HeldRequest;
  /** Hex SHA-256 of that. */
  readonly binding: string;
  readonly terms: StepUpTerms;
}

/** Whether a request has to wait. */
export function isHeld(clearance: Cleared | Held): clearance is Held {
  return 'authorized' in clearance;
}

/** Marks a request as one that owes nothing: for `clear` alone to call. */
export function cleared(
  authorized: Authorized,
  policy: Authorized['policy'],
  authenticationContext: AuthenticationContext | null = null,
  redeemed: Redemption | null = null,
): Cleared {
  const { asked, caller, principals, anchor, agency, actingAgent, targets, granted } = authorized;
  const passed: Omit<Cleared, typeof brand> = {
    asked,
    caller,
    principals,
    anchor,
    agency,
    actingAgent,
    targets,
    granted,
    policy,
    authenticationContext,
    redeemed,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only
  return passed as Cleared;
}
