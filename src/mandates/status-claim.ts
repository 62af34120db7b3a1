import { isJsonObject, type JsonValue } from '../oauth/strict-json.js';

/** What a mandate says of its status (draft-ietf-oauth-status-list 6.2): where the list is, and its own place in it. */
export interface StatusReference {
  readonly uri: string;
  /** From 0 on. */
  readonly idx: number;
}

/** The claim `status` of a mandate whose status a list tells. */
export function statusClaim({ uri, idx }: StatusReference) {
  return { status_list: { idx, uri } };
}

/**
 * Reads the claim `status`.
 *
 * @returns `null` if it is not one that {@link statusClaim} could have written
 */
export function readStatus(value: JsonValue): StatusReference | null {
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return null;
  const list = value['status_list'];
  if (!isJsonObject(list) || Object.keys(list).length !== 2) return null;
  const { idx, uri } = list;
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0) return null;
  return typeof uri === 'string' && URL.canParse(uri) ? { uri, idx } : null;
}
