import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { idempotencyKeyOf } from '../../delegation/coordinator/idempotency.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { pathOf } from '../../platform/http/steps.js';
import { askedRequestOf } from '../asked-request.js';
import { operatorOf } from '../operators/operator.js';

const ZONE_OF_PATH = /^\/internal\/zones\/([^/]+)/i;

/** A request with an `Idempotency-Key`, as it is known when it comes again. */
export interface KeyedRequest {
  /** The zone of its path; all zeroes if that names none. */
  readonly zoneId: string;
  /** Of the operator, the method, the path and the key (a UUIDv8, RFC 9562 5.8). */
  readonly id: string;
  /** Whose key it is. */
  readonly operator: string;
  /** SHA-256 of what else it asks for: its query and its body. */
  readonly fingerprint: Buffer;
}

/**
 * How a request that changes something is known, if it has an `Idempotency-Key`.
 *
 * @returns `null` without a key, or for a method that changes nothing
 * @throws {OAuthError} invalid_request for a key that is malformed, or given twice
 */
export function keyedRequest(request: Request): KeyedRequest | null {
  const asked = askedRequestOf(requestIdOf(request));
  if (asked === null) return null;
  const key = idempotencyKeyOf(request);
  if (key === null) return null;
  const { id, name } = operatorOf(request);
  const operator = id ?? name;
  const path = pathOf(request);
  const zoneId = ZONE_OF_PATH.exec(path)?.[1] ?? '';
  return {
    zoneId: isUuid(zoneId) ? zoneId : NO_ZONE,
    id: uuidOf(JSON.stringify([operator, request.method, path, key])),
    operator,
    fingerprint: asked.content,
  };
}

/** A UUID of the first bits of the SHA-256 of a text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
