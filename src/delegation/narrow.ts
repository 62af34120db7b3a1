import { OAuthError, type OAuthErrorCode } from '../oauth/errors.js';
import { excesses, MAX_HOPS, type Grant, type Constraint } from './grant.js';

/** What an application asks to delegate; a constraint that is `null` stays as it was above. */
export interface DelegationRequest {
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly resources: readonly string[] | null;
  readonly ttlSeconds: number | null;
  readonly maxHops: number | null;
  /** Seconds since the epoch. */
  readonly expiresAt: number | null;
  /** Seconds from now. */
  readonly expiresIn: number | null;
  readonly budget: number | null;
  readonly policyApproved: boolean;
}

/** The authority that is delegated from: a grant, and the lifetime that it was made with. */
export interface Source {
  readonly grant: Grant;
  /** Seconds that it was made for in the first place. */
  readonly lifetime: number;
  /** The hops that it has come already. */
  readonly hops: number;
}

/** Seconds for which an edge is made unless the request says. */
const DEFAULT_LIFETIME = 3_600;
/** The most seconds for which an edge can be made. */
export const MAX_LIFETIME = 86_400;

const ERRORS: Readonly<Record<Constraint, OAuthErrorCode>> = {
  scopes: 'invalid_scope',
  resources: 'invalid_target',
  ttlSeconds: 'invalid_request',
  maxHops: 'invalid_request',
  expiresAt: 'invalid_request',
  budget: 'invalid_request',
  policyApproved: 'invalid_request',
};

const NAMES: Readonly<Record<Constraint, string>> = {
  scopes: 'scopes are',
  resources: 'resources are',
  ttlSeconds: 'ttl_seconds is',
  maxHops: 'max_hops is',
  expiresAt: 'expiry is',
  budget: 'budget is',
  policyApproved: 'policy approval is',
};

/** The authority that an application has by itself, without a delegation. */
export function ownAuthority(
  scopes: readonly string[],
  resources: readonly string[],
  now: number,
): Source {
  return {
    grant: {
      scopes,
      resources,
      ttlSeconds: null,
      maxHops: MAX_HOPS,
      expiresAt: now + MAX_LIFETIME,
      budget: null,
      policyApproved: false,
    },
    lifetime: MAX_LIFETIME,
    hops: 0,
  };
}

/**
 * The grant that a request for delegation comes to, below the source. What was asked for is granted or
 * refused, never cut, except that an edge made for as long as its parent was ends together with it.
 *
 * @param now seconds since the epoch
 * @throws {OAuthError} if it is more than there is, in any constraint
 */
export function narrow(
  request: DelegationRequest,
  { grant: above, lifetime, hops }: Source,
  now: number,
): Grant {
  const grant: Grant = {
    scopes: [...new Set(request.scopes)].toSorted(),
    resources: resourcesOf(request, above),
    ttlSeconds: request.ttlSeconds ?? above.ttlSeconds,
    maxHops: request.maxHops ?? above.maxHops,
    expiresAt: expiryOf(request, above, lifetime, now),
    budget: request.budget ?? above.budget,
    policyApproved: request.policyApproved || above.policyApproved,
  };
  const [constraint] = excesses(grant, above);
  if (constraint !== undefined) throw tooMuch(constraint);
  if (grant.expiresAt <= now) {
    throw new OAuthError('invalid_request', 'the delegation would have expired already');
  }
  if (hops + 1 > grant.maxHops) {
    throw new OAuthError('invalid_grant', 'the delegation cannot be handed on any further', {
      detail: `hop ${hops + 1} of ${grant.maxHops}`,
    });
  }
  return grant;
}

function resourcesOf(request: DelegationRequest, above: Grant): readonly string[] {
  const among = request.resources ?? above.resources;
  if (request.resource === null) return [...new Set(among)].toSorted();
  if (!among.includes(request.resource)) throw tooMuch('resources');
  return [request.resource];
}

function expiryOf(
  { expiresAt, expiresIn }: DelegationRequest,
  above: Grant,
  lifetime: number,
  now: number,
): number {
  const seconds = expiresIn ?? (expiresAt === null ? DEFAULT_LIFETIME : Number.POSITIVE_INFINITY);
  const end = Math.min(now + seconds, expiresAt ?? Number.POSITIVE_INFINITY);
  // A lifetime is compared with a lifetime, since what is handed on at once begins later all the same.
  if (expiresIn !== null && end - now > lifetime) throw tooMuch('expiresAt');
  if (expiresIn === null && expiresAt !== null && end > above.expiresAt) throw tooMuch('expiresAt');
  return Math.min(end, above.expiresAt);
}

function tooMuch(constraint: Constraint): OAuthError {
  return new OAuthError(
    ERRORS[constraint],
    `the ${NAMES[constraint]} more than what can be delegated`,
  );
}
