import { isSubset } from '../oauth/scope.js';

/** The most hops that a delegation can have, from the first issuer to the last receiver. */
export const MAX_HOPS = 10;

/** The constraints of an edge, as they are stored and as policy sees them. */
export interface Constraints {
  readonly resources: readonly string[];
  /** The longest that a mandate may live, in seconds. */
  readonly ttl_seconds?: number;
  /** The most hops that a delegation through this edge may have in all. */
  readonly max_hops: number;
  /** The number of exchanges that it was made for. */
  readonly budget?: number;
  /** Whether policy has to approve of each use: nothing below can take that off again. */
  readonly policy_approved: boolean;
}

/** The authority that an edge hands on, constraint by constraint, so that two can be compared. */
export interface Grant {
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** `null` for no limit but the usual one. */
  readonly ttlSeconds: number | null;
  readonly maxHops: number;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** Exchanges; `null` for any number. */
  readonly budget: number | null;
  readonly policyApproved: boolean;
}

/** A constraint: a respect in which one grant can be more than another. */
export type Constraint = keyof Grant;

/**
 * The constraints in which a grant is more than the one that it comes of. None: it is a subset.
 *
 * It is an order: nothing exceeds itself, and what does not exceed a part does not exceed the whole.
 */
export function excesses(inner: Grant, outer: Grant): Constraint[] {
  const within: Readonly<Record<Constraint, boolean>> = {
    scopes: isSubset(inner.scopes, outer.scopes),
    resources: isSubset(inner.resources, outer.resources),
    ttlSeconds: atMost(inner.ttlSeconds, outer.ttlSeconds),
    maxHops: inner.maxHops <= outer.maxHops,
    expiresAt: inner.expiresAt <= outer.expiresAt,
    budget: atMost(inner.budget, outer.budget),
    policyApproved: inner.policyApproved || !outer.policyApproved,
  };
  return CONSTRAINTS.filter((constraint) => !within[constraint]);
}

const CONSTRAINTS: readonly Constraint[] = [
  'scopes',
  'resources',
  'ttlSeconds',
  'maxHops',
  'expiresAt',
  'budget',
  'policyApproved',
];

/** Whether a limit is within another, where `null` is none, and so the highest. `NaN` permits nothing. */
function atMost(inner: number | null, outer: number | null): boolean {
  return outer === null || (inner !== null && inner <= outer);
}
