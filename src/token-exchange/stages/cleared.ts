import type { Authorized } from './authorize.js';
import type { AuthenticationContext } from './authentication-context.js';

declare const brand: unique symbol;

/** A request that owes no step-up. Only `clear` makes one, and only this can be minted. */
export interface Cleared extends Omit<Authorized, 'challenge'> {
  readonly [brand]: true;
  /** What the mandate says of how this was confirmed; `null` if it says what the subject token said. */
  readonly proof: AuthenticationContext | null;
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
  /** Whether it was the subject who showed something, which its session may remember. */
  readonly bySubject: boolean;
}

/** Says of a request that it owes nothing: for `clear` alone to say. */
export function cleared(
  request: Omit<Authorized, 'challenge'>,
  policy: Authorized['policy'],
  proof: AuthenticationContext | null,
  redeemed: Redemption | null,
): Cleared {
  const passed = { ...request, policy, proof, redeemed };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only
  return passed as Cleared;
}
