import type { EntityManager } from 'typeorm';
import { NO_ZONE } from '../../ledger/entry.js';
import { alsoAtZone, atAllZones } from '../../platform/database/at-zones.js';
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
  request: KeyedRequest,
  most: number,
): Promise<{ readonly kept: KeptRequest | null; readonly full: boolean }> {
  const { zoneId, id, operator } = request;
  return whereItsKeyIs(on, request, async () => {
    const [kept] = await on.query<KeptRequest[]>(FIND, [zoneId, id]);
    if (kept !== undefined) return { kept, full: false };
    const [counted] = await on.query<{ count: number }[]>(COUNT, [operator, most]);
    return { kept: null, full: (counted?.count ?? 0) >= most };
  });
}

/**
 * Takes the key of a request, for a transaction and all that comes after it. Another that has taken it is waited for.
 *
 * @returns whether it is this request's
 */
export async function claim(
  on: EntityManager,
  request: KeyedRequest,
  { request_id: requestId }: RequestId,
  sealedKey: Buffer,
): Promise<boolean> {
  const { zoneId, id, operator, fingerprint } = request;
  const values = [zoneId, id, operator, fingerprint, requestId, sealedKey];
  const claimed = await whereItsKeyIs(on, request, () => on.query<unknown[]>(CLAIM, values));
  return claimed.length === 1;
}

/** Keeps the answer to a request, or only that there was one. */
export async function complete(
  on: EntityManager,
  request: KeyedRequest,
  answer: Buffer | null,
): Promise<void> {
  const values = [request.zoneId, request.id, answer];
  await whereItsKeyIs(on, request, () => on.query(COMPLETE, values));
}

/**
 * Does something about the key of a request. One whose path names no zone may be about any, and is carried out in the shard of
 * that; its key is where all such keys are, so that it is found and is taken once.
 *
 * @param on a transaction, or the connections of a data source
 */
function whereItsKeyIs<T>(
  on: EntityManager,
  { zoneId }: KeyedRequest,
  work: () => Promise<T>,
): Promise<T> {
  if (zoneId !== NO_ZONE) return work();
  return on.queryRunner === undefined
    ? atAllZones(on.connection, work)
    : alsoAtZone(on, zoneId, work);
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

/** The same request may make several changes, each in a transaction of its own. Citus has times of one node only in the row. */
const CLAIM = `
  INSERT INTO idempotency_keys AS k (zone_id, id, operator, fingerprint, request_id, sealed_key)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (zone_id, id) DO UPDATE
    SET operator = EXCLUDED.operator, fingerprint = EXCLUDED.fingerprint, request_id = EXCLUDED.request_id,
        sealed_key = EXCLUDED.sealed_key, answer = NULL, used_at = EXCLUDED.used_at
    WHERE EXCLUDED.used_at - k.used_at >= ${KEPT_FOR} OR k.request_id = EXCLUDED.request_id
  RETURNING 1`;

const COMPLETE = 'UPDATE idempotency_keys SET answer = $3 WHERE zone_id = $1 AND id = $2';

const FORGET = `
  WITH forgotten AS (
    DELETE FROM idempotency_keys WHERE (zone_id, id) IN (
      SELECT zone_id, id FROM idempotency_keys WHERE used_at <= now() - ${KEPT_FOR} LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT 1 FROM forgotten`;
