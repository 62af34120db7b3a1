import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JWK } from 'jose';
import Negotiator from 'negotiator';
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

/** A key set (RFC 7517 5), serialised. */
export interface KeySet {
  readonly body: Buffer;
  /** A strong entity tag (RFC 9110 8.8.3). */
  readonly etag: string;
  /** The moment when its first key expires, in milliseconds since the epoch; or `Infinity`. */
  readonly changesAt: number;
}

/** A key set, ready to send. */
export interface PublishedKeySet extends KeySet {
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
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
export function keySetOf(keys: readonly PublicKey[], now: number): KeySet {
  const published = keys.filter((key) => isPublished(key, now));
  const body = Buffer.from(JSON.stringify({ keys: published.map(publicMembers) }));
  const digest = createHash('sha256').update(body).digest('base64url');
  return {
    body,
    etag: `"${digest.slice(0, 22)}"`,
    changesAt: Math.min(...published.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY)),
  };
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

/** Lets pages of any origin read what is public anyway, and its entity tag (Fetch 3.3). */
export const READABLE_ANYWHERE = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag',
} as const;

/** The answer to a page that asks whether it may send `If-None-Match` (Fetch 4.8). */
export const PREFLIGHT = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': 'If-None-Match',
  'Access-Control-Max-Age': '86400',
} as const;

/** The headers of a key set's response, 200 and 304. */
export function keySetHeaders({ etag, cacheControl }: PublishedKeySet): Record<string, string> {
  return {
    'Cache-Control': cacheControl,
    ETag: etag,
    Vary: 'Accept',
    'X-Content-Type-Options': 'nosniff',
    ...READABLE_ANYWHERE,
  };
}

const JSON_TYPE = 'application/json';
const MEDIA_TYPES = [JSON_TYPE, 'application/jwk-set+json'];
/** The longest `Accept` that is read, in characters: to read one takes longer than all else that an answer takes. */
const MAX_ACCEPT = 1_000;

/**
 * The media type of a key set: `application/jwk-set+json` (RFC 7517 8.5.2) if `Accept` says that it is preferred;
 * what most verifiers expect otherwise, also where neither is acceptable (RFC 9110 12.5.1), or more is said than is read.
 */
export function keySetType(request: IncomingMessage): string {
  const { accept = '' } = request.headers;
  const isRead = accept !== '' && accept.length <= MAX_ACCEPT;
  const type = isRead ? new Negotiator(request).mediaType(MEDIA_TYPES) : JSON_TYPE;
  return `${type ?? JSON_TYPE}; charset=utf-8`;
}

/**
 * Whether `If-None-Match` matches an entity tag (RFC 9110 13.1.2), compared weakly. Express ignores it when
 * `Cache-Control: no-cache` is sent along, as `fetch` does, though that is for caches only.
 */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
