import type { IncomingMessage } from 'node:http';
import type { JWK } from 'jose';
import Negotiator from 'negotiator';
import { documentOf } from '../../platform/http/public-document.js';
import type { RenderedDocument } from '../../platform/kept-documents.js';
import {
  isPublished,
  KEY_SET_MAX_AGE,
  KEY_SET_REFRESH,
  LONGEST_LIFE,
  type KeySchedule,
} from '../rotation/key-schedule.js';

/** The public half of a key. */
export interface PublicKey extends KeySchedule {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  /** X.509, DER, if it is to be published along (RFC 7517 4.7). */
  readonly certificate: Buffer | null;
}

/**
 * Seconds for which a cached key set may be used while this server cannot be reached (RFC 5861 4). Nothing
 * is issued meanwhile, and after this time all that was issued before has expired.
 */
export const STALE_IF_ERROR = LONGEST_LIFE;

/**
 * The key set of a zone at a moment.
 *
 * @param keys all keys of the zone, in the order to publish them
 * @param now milliseconds since the epoch
 */
export function keySetOf(keys: readonly PublicKey[], now: number): RenderedDocument {
  const published = keys.filter((key) => isPublished(key, now));
  return {
    ...documentOf({ keys: published.map(publicMembers) }),
    changesAt: Math.min(...published.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY)),
  };
}

/** A key set (RFC 7517 5). */
export interface PublishedKeySet {
  readonly keys: readonly PublishedKey[];
}

/** The public half of a signing key (RFC 7517 4). */
export interface PublishedKey {
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  /** Its thumbprint (RFC 7638). */
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: string;
  /** A certificate of itself, where the zone publishes that. */
  readonly x5c?: readonly string[];
}

/** The published JWK (RFC 7517 4). Members are named one by one, so that nothing else of a stored key can leak. */
function publicMembers({ kid, alg, publicJwk, certificate }: PublicKey) {
  const { kty, crv, x, y, n, e } = publicJwk;
  const x5c = certificate === null ? undefined : [certificate.toString('base64')];
  return { kty, crv, x, y, n, e, kid, use: 'sig', alg, x5c };
}

/**
 * The `Cache-Control` of a key set (RFC 9111 5.2.2, RFC 5861 4). A set that could not be refreshed for longer
 * than usual gets a shorter `max-age`: a key that was published meanwhile is not in it, and may sign once
 * all sets without it have expired.
 *
 * @param ageSeconds since the set was read from the database
 * @returns `null` if the set is too old to be served
 */
export function cacheControlAt(ageSeconds: number): string | null {
  const overdue = Math.max(0, Math.ceil(ageSeconds) - KEY_SET_REFRESH);
  const maxAge = Math.max(0, KEY_SET_MAX_AGE - overdue);
  const staleIfError = STALE_IF_ERROR - Math.max(0, overdue - KEY_SET_MAX_AGE);
  if (staleIfError <= 0) return null;
  return `public, max-age=${maxAge}, stale-if-error=${staleIfError}`;
}

const JSON_TYPE = 'application/json';
/** RFC 7517 8.5.2. */
export const JWK_SET_TYPE = 'application/jwk-set+json';
/** The longest `Accept` that is read, in characters: to read one takes longer than all else that an answer takes. */
const MAX_ACCEPT = 1_000;

/**
 * The media type of a key set: what `Accept` says of JSON and {@link JWK_SET_TYPE}; where that does not matter to the
 * caller, also where neither is acceptable (RFC 9110 12.5.1), or more is said than is read, the one of the address.
 *
 * @param preferred that of the address: JSON is what most verifiers expect
 */
export function keySetType(
  request: IncomingMessage,
  preferred: typeof JSON_TYPE | typeof JWK_SET_TYPE = JSON_TYPE,
): string {
  const { accept = '' } = request.headers;
  const isRead = accept !== '' && accept.length <= MAX_ACCEPT;
  const types = preferred === JSON_TYPE ? [JSON_TYPE, JWK_SET_TYPE] : [JWK_SET_TYPE, JSON_TYPE];
  const type = isRead ? new Negotiator(request).mediaType(types) : preferred;
  return `${type ?? preferred}; charset=utf-8`;
}
