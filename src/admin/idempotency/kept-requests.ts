import type { EntityManager } from 'typeorm';
import type { RequestId } from '../../platform/http/request-id.js';
import type { KeyedRequest } from './keyed-request.js';

/** For how long a key is kept, in SQL. */
const KEPT_FOR = `interval '24 hours'`;

/** What is kept of a request. */
export interface KeptRequest {
  readonly fingerprint: Buffer;
  readonly requestId: string;
  /** `null` if it was not kept. */
  readonly sealedKey: Buffer | null;
  readonly answer: Buffer | null;
}

/** Finds what is kept of a request, and counts how many keys its operator has in use. */
export async function find(
  on: EntityManager,
  { zoneId, id, operator }: KeyedRequest,
  most: number,
): Promise<{ readonly kept: KeptRequest | null; readonly full: boolean }> {
  const [kept] = await on.query<KeptRequest[]>(FIND, [zoneId, id]);
  if (kept !== undefined) return { kept, full: false };
  const [counted] = await on.query<{ count: number }[]>(COUNT, [operator, most]);
  return { kept: null, full: (counted?.count ?? 0) >= most };
}

/**
 * Takes the key of a request, for a transaction and all that comes after it. Another that has taken it is waited for.
 *
 * @returns whether it is this request's
 */
export async function claim(
  tx: EntityManager,
  { zoneId, id, operator, fingerprint }: KeyedRequest,
  { request_id: requestId }: RequestId,
  sealedKey: Buffer,
): Promise<boolean> {
  const values = [zoneId, id, operator, fingerprint, requestId, sealedKey];
  return (await tx.query<unknown[]>(CLAIM, values)).length === 1;
}

/** Keeps the answer to a request, or only that there was one. */
export async function complete(
  tx: EntityManager,
  { zoneId, id }: KeyedRequest,
  answer: Buffer | null,
): Promise<void> {
  await tx.query('UPDATE idempotency_keys SET answer = $3 WHERE zone_id = $1 AND id = $2', [
    zoneId,
    id,
    answer,
  ]);
}

/** Forgets keys that are not kept any more. @returns whether there are more of them */
export async function forget(on: EntityManager, most: number): Promise<boolean> {
  return (await on.query<unknown[]>(FORGET, [most])).length >= most;
}

const FIND = `
  SELECT fingerprint, request_id AS "requestId", sealed_key AS "sealedKey", answer FROM idempotency_keys
   WHERE zone_id = $1 AND id = $2 AND used_at > now() - ${KEPT_FOR}`;

/** Asked of all shards where a request names no zone; Citus keeps what it finds there, and cannot keep rows without a column. */
const COUNT = `
  SELECT count(*)::int AS count FROM (
    SELECT 1 FROM idempotency_keys WHERE operator = $1 AND used_at > now() - ${KEPT_FOR} LIMIT $2) AS used`;

/** The same request may make several changes, each in a transaction of its own. */
const CLAIM = `
  INSERT INTO idempotency_keys AS k (zone_id, id, operator, fingerprint, request_id, sealed_key)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (zone_id, id) DO UPDATE
    SET operator = EXCLUDED.operator, fingerprint = EXCLUDED.fingerprint, request_id = EXCLUDED.request_id,
        sealed_key = EXCLUDED.sealed_key, answer = NULL, used_at = now()
    WHERE k.used_at <= now() - ${KEPT_FOR} OR k.request_id = EXCLUDED.request_id
  RETURNING 1`;

const FORGET = `
  WITH forgotten AS (
    DELETE FROM idempotency_keys WHERE (zone_id, id) IN (
      SELECT zone_id, id FROM idempotency_keys WHERE used_at <= now() - ${KEPT_FOR} LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT 1 FROM forgotten`;
