import type { PublishedKeySet } from './key-sets.service.js';

/** The headers that a key set goes out with, and the answer that it is still the same. */
export function keySetHeaders({ etag, cacheControl }: PublishedKeySet): Record<string, string> {
  return { 'Cache-Control': cacheControl, ETag: etag, 'X-Content-Type-Options': 'nosniff' };
}

/**
 * Whether `If-None-Match` names a tag (RFC 9110 13.1.2), compared weakly. Express does not ask it
 * when `Cache-Control: no-cache` is sent along, as `fetch` does, though that speaks to caches only.
 */
export function stillHas(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
