import { isSubset } from '../oauth/scope.js';

/** Hops of a delegation at most, from the first issuer to the last receiver. */
export const MAX_HOPS = 10;

/** How an edge is confined, as it is stored and as policy sees it. */
export interface Constraints {
  readonly resources: readonly string[];
  /** The longest that a mandate may live, in seconds. */
  readonly ttl_seconds?: number;
  /** How many hops a delegation through this edge may have in all. */
  readonly max_hops: number;
  /** How many exchanges it was made for. */
  readonly budget?: number;
  /** Only for what policy approves of: nothing below can take that off again. */
  readonly policy_approved: boolean;
}

/** Authority as an edge hands it on: what one constraint after another is compared by. */
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

/** A way in which a grant can be more than another one. */
export type Constraint = keyof Grant;

/**
 * In which respects a grant is more than the one that it comes of. None: it is a subset.
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

/** Where no limit is the highest one. A limit that is no number permits nothing. */
function atMost(inner: number | null, outer: number | null): boolean {
  return outer === null || (inner !== null && inner <= outer);
}
