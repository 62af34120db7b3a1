import { createHash } from 'node:crypto';

/**
 * How an item of the revocation feed is named: base64url SHA-256 of `zone|kind|value`. The same as `revocation_key` in
 * `revocation-feed.sql`.
 */
export function feedKey(zoneId: string, kind: string, value: string): string {
  return createHash('sha256').update(`${zoneId}|${kind}|${value}`).digest('base64url');
}
