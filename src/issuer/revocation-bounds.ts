/** Seconds after which nobody honours a mandate that was taken back, by the way in which a verifier learns of it. */
export interface RevocationBounds {
  /** Who asks the introspection endpoint: the answer is never older than the question. */
  readonly introspection: number;
  /** Who exchanges it at the token endpoint: the commit looks. */
  readonly exchange: number;
  /** Who reads Token Status Lists, and keeps each for its `ttl`. */
  readonly status_list: number;
  /** Who keeps the revocation feed, and believes no copy that is older than this. */
  readonly feed: number;
  /** Who does none of these: the mandate has expired by then. */
  readonly expiry: number;
}

/** Seconds by which a reader of the revocation feed knows what was taken back, or that its copy is too old to rely on. */
const FEED_BOUND = 10;

/** The longest life of a mandate for a resource that says nothing of revocation, in seconds. */
const LONGEST_RESOURCE_LIFE = 900;

/**
 * The bounds that are stated in metadata (`mandate_revocation_bound_seconds`) and in the answer to an order, and that
 * `mandate drill revocation` measures.
 *
 * @param statusListSeconds how often a status list is made, and how long it may be kept: one that was read just before
 *   the next was due is the oldest, and a second is for making and fetching it
 */
export function revocationBounds({
  statusListSeconds,
}: {
  readonly statusListSeconds: number;
}): RevocationBounds {
  return {
    introspection: 0,
    exchange: 0,
    status_list: 2 * statusListSeconds + 1,
    feed: FEED_BOUND,
    expiry: LONGEST_RESOURCE_LIFE,
  };
}
