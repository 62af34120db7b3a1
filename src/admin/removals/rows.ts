import type { RemovalKind } from '../../zones/removal.entity.js';

/** Rows of one table that go with a client, an issuer or a zone. */
export interface Rows {
  readonly table: string;
  /** Which of the zone's, in SQL about `r`: `$2` is the id of what is removed, for an issuer its name. */
  readonly which: string;
  /** The column by which rows are named: beside the zone it begins the key. Absent: by where they lie. */
  readonly key?: 'id' | 'challenge_id' | 'jti';
  /** Which go first, if an index has them in the order of the key. What is newest is what is in use. */
  readonly first?: 'oldest' | 'newest';
  /** What is done to them, if they are not removed. */
  readonly change?: string;
  /** How many steps' worth one of them counts: others go with it. */
  readonly weight?: number;
}

/** All of the zone's. The parameter is named, so that it has a type. */
const OF_ZONE = 'r.zone_id = $2::uuid';

/** What is on the stream of a client, or was taken off it. */
const OF_STREAMS = `r.stream_id IN (
  SELECT s.id FROM ssf_streams s WHERE s.zone_id = r.zone_id AND s.client_id = $2::uuid)`;

const byDay = (table: string, key: NonNullable<Rows['key']>, which = OF_ZONE): Rows => ({
  table,
  key,
  which,
  first: 'newest',
});
const plain = (table: string): Rows => ({ table, which: OF_ZONE });

/**
 * What goes with each kind, in an order in which nothing takes many others with it. What is not in here
 * goes with the row itself, by its foreign keys: that is little.
 */
export const ROWS: Readonly<Record<RemovalKind, readonly Rows[]>> = {
  client: [
    { table: 'delegation_edges', key: 'id', which: 'r.issuer_client_id = $2::uuid' },
    { table: 'delegation_edges', key: 'id', which: 'r.receiver_client_id = $2::uuid' },
    byDay('agent_sessions', 'id', 'r.client_id = $2::uuid'),
    byDay('sessions', 'id', 'r.client_id = $2::uuid'),
    byDay('challenges', 'id', 'r.client_id = $2::uuid'),
    { table: 'ssf_deliveries', which: OF_STREAMS },
    { table: 'ssf_subjects', which: OF_STREAMS },
    { table: 'client_secrets', which: 'r.client_id = $2::uuid' },
  ],
  issuer: [
    {
      // If it is trusted again meanwhile, those that were registered since are none of these.
      table: 'federated_identities',
      which: `r.issuer = $2 AND NOT EXISTS (
        SELECT FROM trusted_issuers i WHERE i.zone_id = r.zone_id AND i.id = r.issuer_id)`,
    },
    {
      table: 'sessions',
      key: 'id',
      first: 'oldest',
      // If it is trusted again meanwhile, those that began since are none of these. They are looked at last.
      which: `r.issuer = $2 AND r.ended_at IS NULL AND r.created_at <= coalesce((
        SELECT max(m.requested_at) FROM removals m
         WHERE m.zone_id = $1 AND m.kind = 'issuer' AND m.name = $2), 'infinity')`,
      change: 'ended_at = clock_timestamp()',
    },
  ],
  zone: [
    plain('proof_systems'),
    plain('enrolments'),
    plain('authenticators'),
    // Gateways are told of each of these as it goes.
    byDay('delegation_edges', 'id'),
    byDay('agent_sessions', 'id'),
    byDay('sessions', 'id'),
    byDay('webhook_deliveries', 'id'),
    plain('webhooks'),
    byDay('challenge_secrets', 'challenge_id'),
    byDay('challenge_decisions', 'challenge_id'),
    byDay('challenges', 'id'),
    plain('step_up_attempts'),
    byDay('revocations', 'jti'),
    plain('ssf_deliveries'),
    plain('ssf_subjects'),
    plain('ssf_received'),
    plain('resources'),
    plain('scopes'),
    plain('client_secrets'),
    { ...plain('clients'), weight: 10 },
    plain('shadow_differences'),
    plain('access_uses'),
    plain('access_analyses'),
    plain('policy_replay_differences'),
    plain('policy_replays'),
    plain('policy_set_members'),
    plain('policy_set_versions'),
    plain('policy_sets'),
    plain('policy_versions'),
    plain('policies'),
  ],
};

/**
 * SQL that counts the rows of a kind, each table's up to `$3`.
 *
 * Parameters: the zone, what is removed, the limit (`null` for none).
 */
export function countRows(kind: RemovalKind): string {
  const counts = ROWS[kind].map(
    ({ table, which }) => `(SELECT count(*) FROM (
       SELECT 1 FROM ${table} r WHERE r.zone_id = $1 AND ${which} LIMIT $3::bigint) AS counted)`,
  );
  return `SELECT (${counts.join(' + ')})::float8 AS count`;
}

/**
 * SQL that removes some rows, or changes them, and counts that in the row of the removal.
 *
 * Parameters: the zone, what is removed, the most rows, the id of the removal.
 *
 * @returns SQL that returns `done`, the number of rows; no row if there is no such removal any more
 */
export function someRows({ table, which, key, first, change }: Rows): string {
  const at = key ?? 'ctid';
  const direction = first === 'newest' ? 'DESC' : 'ASC';
  const order = first === undefined ? '' : ` ORDER BY r.${at} ${direction}`;
  const some = `r.zone_id = $1 AND r.${at} = ANY (ARRAY(
      SELECT r.${at} FROM ${table} r WHERE r.zone_id = $1 AND ${which}${order} LIMIT $3))`;
  const act =
    change === undefined
      ? `DELETE FROM ${table} r WHERE ${some} AND ${which}`
      : `UPDATE ${table} r SET ${change} WHERE ${some} AND ${which}`;
  return `WITH acted AS (${act} RETURNING 1)
    UPDATE removals m SET removed = m.removed + (SELECT count(*) FROM acted)
     WHERE m.zone_id = $1 AND m.id = $4 RETURNING (SELECT count(*) FROM acted)::int AS done`;
}
