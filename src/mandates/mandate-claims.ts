import type { AuthorizationDetail } from '../oauth/authorization-details/detail.js';
import type { Authentication } from './authentication.js';
import type { Generations } from './generations.js';
import type { StatusReference } from './status-claim.js';

/** An actor, and the one it acted for if any (RFC 8693 4.1). The outermost is the current one. */
export interface ActorClaim {
  readonly sub: string;
  readonly clientId?: string;
  readonly subType?: string;
  readonly act?: ActorClaim;
}

/** The claims of a mandate, checked and typed (RFC 9068 2.2, RFC 8693 4). */
export interface MandateClaims extends Authentication {
  readonly iss: string;
  readonly sub: string;
  /** One or more audiences, whether the token had a string or an array (RFC 7519 4.1.3). */
  readonly aud: readonly string[];
  /** Seconds since the epoch, as `iat` and `authTime` are. */
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  readonly zoneId: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly sid: string;
  readonly rootSid: string;
  readonly use: 'session' | 'resource';
  readonly subType: 'user' | 'application';
  readonly target: readonly string[];
  /** The trusted issuer that `sub` belongs to; absent if it is one of our clients. */
  readonly subIss?: string;
  /** The labels of the subject that come from that issuer. */
  readonly subLabels?: readonly string[];
  /** The `jti`s of the mandates that it was exchanged from, the first one first: revoking any of them revokes it. */
  readonly ancestors: readonly string[];
  readonly act?: ActorClaim;
  readonly mayAct?: Readonly<Record<string, unknown>>;
  /** What exactly it allows (RFC 9396 9.1); absent where its scope says all. */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Where its status is told, if a list tells it. */
  readonly status?: StatusReference;
  /** The generations that it was issued in; all 0 where it does not say. */
  readonly generations: Generations;
  /** The policy sets by which it, and what it comes of, was allowed; none in a mandate of the version before. */
  readonly policies: readonly string[];
  /** All claims as signed, their types unchecked. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** The most actors that a mandate may name (RFC 8693 4.1). */
export const MAX_ACTORS = 10;

/** The most ancestors of a mandate: the session's, and one for each actor. */
export const MAX_ANCESTORS = MAX_ACTORS + 2;
