import { OAuthError } from '../../oauth/errors.js';
import type { Form } from '../../oauth/form.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/** What a gateway is about to do upstream. */
export interface UpstreamCall {
  /** Upper case. */
  readonly method: string;
  /** Absolute, without query. */
  readonly path: string;
}

const METHOD = /^[A-Z]{1,32}$/;
/** Segments of unreserved and percent-encoded characters, without any that two readers may read differently. */
const PATH = /^(?:\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)+$/;
const AMBIGUOUS = /%2f|%5c|%2e|%00|\/\.{1,2}(?:\/|$)|\/\/|;/i;

/**
 * Reads `request_method` and `request_path`, which mean something in a gateway's request only.
 *
 * @returns `null` if neither is there
 * @throws {OAuthError} invalid_request for one without the other, and for a path that the upstream
 *   might read differently than we do
 */
export function readUpstreamCall(form: Form): UpstreamCall | null {
  const method = form.get('request_method')?.[0]?.toUpperCase();
  const path = form.get('request_path')?.[0];
  if (method === undefined && path === undefined) return null;
  if (method === undefined || path === undefined) {
    throw new OAuthError('invalid_request', 'request_method and request_path belong together');
  }
  if (!METHOD.test(method) || path.length > 2_048 || !PATH.test(path) || AMBIGUOUS.test(path)) {
    throw new OAuthError('invalid_request', 'request_method or request_path is malformed');
  }
  return { method, path };
}

/**
 * The scope that an operation takes.
 *
 * @returns `null` for an operation that is not declared
 */
export function scopeOf(
  { method, path }: UpstreamCall,
  declared: ResourceView['operations'],
): string | null {
  const ofMethod = declared.filter((one) => one.method === method);
  const match =
    ofMethod.find((one) => one.path === path) ?? ofMethod.find((one) => matches(path, one.path));
  return match?.scope ?? null;
}

function matches(path: string, template: string): boolean {
  const segments = path.split('/');
  const expected = template.split('/');
  return (
    segments.length === expected.length &&
    expected.every((one, i) => {
      const segment = segments[i] ?? '';
      return /^\{[A-Za-z0-9_]+\}$/.test(one) ? segment !== '' : one === segment;
    })
  );
}
