import type { Queries } from '../queries.js';

/** The most confirmations and revocations of a mandate that it has receipts of, the first ones. */
export const MOST = 16;

/** The event with which a mandate was issued. Null if there is none any more, or never was. */
export async function findIssued(db: Queries, zoneId: string, jti: string): Promise<string | null> {
  const [row] = await db.query<{ id: string }[]>(ISSUED, [zoneId, jti]);
  return row?.id ?? null;
}

/** The events of a request, or the one of this id, in a zone. */
export async function findChange(db: Queries, zoneId: string, id: string): Promise<string[]> {
  const rows = await db.query<{ id: string }[]>(CHANGE, [zoneId, id, MOST]);
  return rows.map((row) => row.id);
}

/** The events in which a challenge was decided on, as far as the index has them. */
export function findConfirmations(
  db: Queries,
  zoneId: string,
  challengeId: string,
): Promise<string[]> {
  return byTerms(db, zoneId, [
    [`request_id:${challengeId}`, 'type:challenge.decided', 'outcome:done'],
  ]);
}

/** The events in which a mandate was taken back by its `jti`, as far as the index has them. */
export function findRevocations(db: Queries, zoneId: string, jti: string): Promise<string[]> {
  return byTerms(
    db,
    zoneId,
    REVOKING.map((type) => [`jti:${jti}`, `type:${type}`, 'outcome:done']),
  );
}

/**
 * The events in which operators ordered something to be taken back in some time, as far as the index has them: those of the
 * first such orders, and maybe of others of about the same time.
 *
 * @param targets what orders are found by (`keyOfTarget`)
 * @param when from a moment on (RFC 3339), up to another (seconds since the epoch)
 */
export async function findOrders(
  db: Queries,
  zoneId: string,
  targets: readonly Buffer[],
  { since, until }: { readonly since: string; readonly until: number },
): Promise<string[]> {
  const terms = ['type:admin.revocation.ordered', 'outcome:done', `zone:${zoneId}`];
  const values = [zoneId, targets, since, until, MOST, terms];
  const rows = await db.query<{ id: string }[]>(ORDERED, values);
  return rows.map(({ id }) => id);
}

const REVOKING = ['token_revocation', 'admin.revocation.ordered', 'admin.mandate.revoked'];

async function byTerms(
  db: Queries,
  zoneId: string,
  any: readonly (readonly string[])[],
): Promise<string[]> {
  const sets = any.map((terms) => [...terms, `zone:${zoneId}`]);
  const rows = await db.query<{ id: string }[]>(BY_TERMS, [zoneId, JSON.stringify(sets), MOST]);
  return rows.map(({ id }) => id);
}

const ISSUED = `SELECT a.id FROM audit_events a
  WHERE a.zone_id = $1 AND a.jti = $2 AND a.outcome = 'issued' ORDER BY a.id LIMIT 1`;
const CHANGE = `SELECT f.id FROM (
    (SELECT a.id FROM audit_events a WHERE a.zone_id = $1 AND a.id = $2)
    UNION (SELECT a.id FROM audit_events a WHERE a.zone_id = $1 AND a.request_id = $2::text ORDER BY a.id LIMIT $3)) AS f
  ORDER BY f.id LIMIT $3`;
// What has the terms is found before it is put in order, as otherwise the planner goes through the index in that order.
const BY_TERMS = `SELECT f.id FROM (
    SELECT t.id FROM jsonb_array_elements($2::jsonb) AS s (terms)
     CROSS JOIN LATERAL (
       SELECT i.id FROM audit_index i
        WHERE i.zone_id = $1
          AND i.terms @> audit_term_digests(ARRAY(SELECT jsonb_array_elements_text(s.terms)))
       OFFSET 0) AS t
    OFFSET 0) AS f ORDER BY f.id LIMIT $3`;
// The event of an order has an id of about the moment of that: so only those around it are looked at.
const ORDERED = `SELECT DISTINCT e.id FROM (
    SELECT o.at FROM revocation_orders o
     WHERE o.zone_id = $1 AND o.target_key = ANY ($2::bytea[]) AND o.at >= $3::timestamptz
       AND o.at <= to_timestamp($4::float8) ORDER BY o.id LIMIT $5) AS o
   CROSS JOIN LATERAL (
     SELECT i.id FROM audit_index i
      WHERE i.zone_id = $1 AND i.terms @> audit_term_digests($6::text[])
        AND i.id >= uuid_from_time(o.at - interval '1 minute') AND i.id < uuid_from_time(o.at + interval '1 minute')
     OFFSET 0) AS e
  ORDER BY e.id LIMIT 1000`;
