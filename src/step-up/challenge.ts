import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { GenerationsClaim } from '../mandates/generations.js';
import type { AuthorizationDetail } from '../oauth/authorization-details/detail.js';
import type { StepUpTerms } from '../zones/step-up-terms.js';

/** The state of a challenge, as `GET /step-up/{id}` answers it. */
export type ChallengeState = 'pending' | 'approved' | 'rejected' | 'expired' | 'consumed';

/** The columns that the state of a challenge depends on. */
export interface ChallengeMoments {
  readonly decision: 'approved' | 'rejected' | null;
  readonly consumedAt: Date | null;
  readonly expiresAt: Date;
}

/**
 * A challenge's state is a pure function of what was done to it and the time: nothing has to run for it
 * to expire.
 *
 * @param now milliseconds since the epoch
 */
export function challengeState(
  { decision, consumedAt, expiresAt }: ChallengeMoments,
  now: number,
): ChallengeState {
  if (consumedAt !== null) return 'consumed';
  if (decision === 'rejected') return 'rejected';
  if (expiresAt.getTime() <= now) return 'expired';
  return decision ?? 'pending';
}

/** The subject of a held request. */
export interface ChallengeSubject {
  readonly sub: string;
  readonly type: 'user' | 'application';
  /** The trusted issuer of the name; absent for names of ours. */
  readonly iss?: string;
}

/**
 * The request that a challenge holds. It is shown to those who decide, and a request that redeems the
 * challenge must be exactly this one.
 */
export interface HeldRequest {
  readonly zone_id: string;
  /** The type of challenge that is demanded. */
  readonly type: string;
  /** The resources for which it is demanded by {@link policy_set_version_id}; none if only the request demands it. */
  readonly demanded_for: readonly string[];
  readonly policy_set_version_id: string;
  /** What the request itself demands (RFC 9470 4). */
  readonly acr_values?: readonly string[];
  readonly max_age?: number;
  readonly client_id: string;
  readonly subject: ChallengeSubject;
  /** The application that the subject's mandate was issued to, if it is another one. */
  readonly subject_client_id?: string;
  /** The actors, the current one outermost (RFC 8693 4.1). */
  readonly act?: Readonly<Record<string, unknown>>;
  readonly session_id?: string;
  readonly agent_session_id?: string;
  readonly delegation_edge_id?: string;
  readonly use: 'session' | 'resource';
  readonly through_gateway?: true;
  /** The upstream call that the gateway is about to make. */
  readonly operation?: { readonly method: string; readonly path: string };
  /** In order of their text. */
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  /** What exactly (RFC 9396), in order of its canonical text; absent where the scopes say all. */
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** These in the words of the operators, as they are shown: so a confirmation is of the words, too. */
  readonly authorization_details_display?: readonly string[];
  /** The longest life of the mandate. */
  readonly max_lifetime_seconds: number;
  /** The generations that the mandate would be of, if not all are 0: a confirmation is for none after. */
  readonly gen?: GenerationsClaim;
}

/**
 * The binding of a challenge to the request that it holds: SHA-256 of the request in canonical JSON
 * (RFC 8785), so that everyone who has read the request can compute it.
 *
 * @returns 32 bytes, in lower-case hex
 */
export function bindingOf(request: HeldRequest): string {
  const text = canonicalize(request);
  if (text === undefined) throw new Error('a held request is JSON');
  return createHash('sha256').update(text).digest('hex');
}

/** The stored hash of a secret that redeems a challenge. The secret is random, so one round of hashing does. */
export function secretDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** A challenge to be opened, as the ledger takes it in the commit that records why. */
export interface ChallengeBirth {
  readonly id: string;
  readonly type: string;
  /** Hex. */
  readonly binding: string;
  readonly policy_set_version_id: string;
  readonly client_id: string;
  readonly subject: string;
  readonly subject_issuer?: string;
  readonly subject_type: 'user' | 'application';
  /** Clients in the chain that asks, the one that asks aside. */
  readonly involved_client_ids: readonly string[];
  readonly request: HeldRequest;
  readonly terms: StepUpTerms;
  /** Hex. */
  readonly secret_digest: string;
  /** The place in a trace of the request that opens it. */
  readonly traceparent?: string;
}
