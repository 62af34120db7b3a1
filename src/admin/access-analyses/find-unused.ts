import type { EntityManager } from 'typeorm';
import { MAX_LIFETIME } from '../../delegation/narrow.js';
import { instant } from '../../platform/config/clock.js';
import type { AccessAnalysis } from './access-analysis.entity.js';
import type {
  UnusedResource,
  UnusedScopes,
  UnusedClient,
  UnusedClientScopes,
  WideClient,
  UnusedDelegation,
  Findings,
  TooYoung,
  ReadFindings,
} from './findings.js';

type Queries = Pick<EntityManager, 'query'>;

/** How many of each kind are shown, and of how many bytes together; the others come to be seen once these are dealt with. */
const MAX_FINDINGS = 200;
const MAX_BYTES = 1_024 * 1_024;

/** Compares what an analysis has found to be used with what is registered now. */
export async function findUnused(
  db: Pick<EntityManager, 'transaction'>,
  { zoneId, id, scan: { fromAt, toAt } }: Pick<AccessAnalysis, 'zoneId' | 'id' | 'scan'>,
): Promise<ReadFindings> {
  return db.transaction('REPEATABLE READ', async (tx) => {
    await tx.query('SET TRANSACTION READ ONLY');
    await tx.query(BY_HASHES);
    const more: string[] = [];
    const ask = async <Row extends object>(
      kind: keyof Findings,
      sql: string,
      before = fromAt,
    ): Promise<Row[]> => {
      const of = [zoneId, id, before, MAX_FINDINGS + 1, MAX_BYTES];
      const rows = await tx.query<(Row & Sized)[]>(bounded(sql), of);
      const shown = rows.filter(({ upto }) => upto <= MAX_BYTES).slice(0, MAX_FINDINGS);
      if (shown.length < rows.length) more.push(kind);
      for (const row of shown) for (const name of SIZES) Reflect.deleteProperty(row, name);
      return shown;
    };
    const found = {
      resources: await ask<UnusedResource>('resources', RESOURCES),
      scopes: await ask<UnusedScopes>('scopes', SCOPES),
      clients: await ask<UnusedClient>('clients', CLIENTS),
      client_scopes: await ask<UnusedClientScopes>('client_scopes', CLIENT_SCOPES),
      wide_clients: await ask<WideClient>('wide_clients', WIDE_CLIENTS),
      delegations: await ask<UnusedDelegation>('delegations', DELEGATIONS, settledBefore(toAt)),
    };
    return { found, more };
  });
}

/** A row with how many bytes it has with those before it. */
interface Sized {
  readonly upto: number;
  readonly before: number;
}

const SIZES = ['upto', 'before'] as const satisfies (keyof Sized)[];

/** Counts what is too young for an analysis. */
export async function countTooYoung(
  db: Queries,
  { zoneId, scan: { fromAt, toAt } }: Pick<AccessAnalysis, 'zoneId' | 'scan'>,
): Promise<TooYoung> {
  const of = [zoneId, fromAt, settledBefore(toAt)];
  const [counted] = await db.query<TooYoung[]>(TOO_YOUNG, of);
  return counted ?? { resources: 0, clients: 0, delegations: 0 };
}

/** When a delegation has to have been accepted that something is said of: none lives as long as a period. */
function settledBefore(toAt: Date): Date {
  return instant(toAt.getTime() - (MAX_LIFETIME * 1_000) / 2);
}

/**
 * Plans for what nobody has counted. Uses were written a moment ago, so a planner may take them for a few, and look through all of
 * them for each client. Each statement goes through each table once instead, whatever is in it.
 */
const BY_HASHES = `SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)`;
/** Ends at the row that is beyond the bytes. */
const bounded = (sql: string) => `
  SELECT * FROM (
    SELECT f.*, sum(octet_length(f::text)) OVER (ROWS UNBOUNDED PRECEDING)::float8 AS upto,
           coalesce(sum(octet_length(f::text)) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::float8 AS before
      FROM (${sql}) AS f
  ) AS s WHERE before <= $5`;
const OLD = (row: string) => `${row}.created_at < $3 AND coalesce(${row}.updated_at < $3, true)`;
const ENABLED = 'c.disabled_at IS NULL AND c.removed_at IS NULL';
const DELEGATED = `e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()`;
const USES = (usedBy: string) =>
  `access_uses u WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = '${usedBy}'`;
const without = (all: string, some: string) =>
  `ARRAY(SELECT s FROM unnest(${all}) AS s WHERE s <> ALL (${some}) ORDER BY s)`;

const RESOURCES = `
  SELECT r.id AS resource_id, r.identifier AS resource, r.scopes, r.created_at
    FROM resources r
   WHERE r.zone_id = $1 AND ${OLD('r')}
     AND NOT EXISTS (SELECT FROM ${USES('client')} AND u.scope = '' AND u.resource = r.identifier)
   ORDER BY r.identifier LIMIT $4`;
const SCOPES = `
  WITH used AS (
    SELECT u.resource, u.scope, sum(u.count) AS uses, max(u.last_at) AS last_at
      FROM ${USES('client')} AND u.count > 0 GROUP BY u.resource, u.scope
  ), by_resource AS (
    SELECT u.resource, coalesce(array_agg(u.scope) FILTER (WHERE u.scope <> ''), '{}') AS scopes,
           sum(u.uses) FILTER (WHERE u.scope = '')::float8 AS uses, max(u.last_at) AS last_at
      FROM used u GROUP BY u.resource
  )
  SELECT r.id AS resource_id, r.identifier AS resource, ARRAY(SELECT unnest(u.scopes) ORDER BY 1) AS used_scopes,
         ${without('r.scopes', 'u.scopes')} AS unused_scopes, u.uses, u.last_at AS last_used_at
    FROM resources r JOIN by_resource u ON u.resource = r.identifier
   WHERE r.zone_id = $1 AND ${OLD('r')} AND NOT r.scopes <@ u.scopes
   ORDER BY r.identifier LIMIT $4`;
/** Whoever owns a resource, or introspects mandates for it, or receives signals, may need no mandates of its own. */
const CLIENTS = `
  WITH needed AS (
    SELECT u.user_id AS id FROM ${USES('client')} AND u.scope = ''
    UNION SELECT r.owner_client_id FROM resources r WHERE r.zone_id = $1
    UNION SELECT unnest(r.introspection_client_ids) FROM resources r WHERE r.zone_id = $1
  )
  SELECT c.id AS client_id, c.name AS client, c.created_at
    FROM clients c
   WHERE c.zone_id = $1 AND ${OLD('c')} AND ${ENABLED} AND NOT c.ssf
     AND NOT EXISTS (SELECT FROM needed n WHERE n.id = c.id)
   ORDER BY c.name, c.id LIMIT $4`;
const CLIENT_SCOPES = `
  WITH by_pair AS (
    SELECT u.user_id, u.resource, coalesce(array_agg(u.scope) FILTER (WHERE u.scope <> '' AND u.count > 0), '{}') AS used,
           array_agg(u.scope) FILTER (WHERE u.scope <> '' AND u.count = 0) AS granted,
           sum(u.count) FILTER (WHERE u.scope = '')::float8 AS uses, max(u.last_at) AS last_at
      FROM ${USES('client')} GROUP BY u.user_id, u.resource
  ), found AS (
    SELECT c.id AS client_id, c.name AS client, r.id AS resource_id, r.identifier AS resource, p.used AS used_scopes,
           ARRAY(SELECT s FROM unnest(p.granted) AS s
                  WHERE s = ANY (r.scopes) AND (c.scopes IS NULL OR s = ANY (c.scopes)) ORDER BY s) AS unused_scopes,
           p.uses, p.last_at AS last_used_at
      FROM by_pair p
      JOIN clients c ON c.zone_id = $1 AND c.id = p.user_id AND ${OLD('c')} AND ${ENABLED}
      JOIN resources r ON r.zone_id = $1 AND r.identifier = p.resource AND ${OLD('r')}
     WHERE p.granted IS NOT NULL
  )
  SELECT * FROM found WHERE cardinality(unused_scopes) > 0 ORDER BY client, client_id, resource LIMIT $4`;
const WIDE_CLIENTS = `
  WITH by_client AS (
    SELECT u.user_id, coalesce(array_agg(DISTINCT u.scope) FILTER (WHERE u.scope <> '' AND u.count > 0), '{}') AS scopes,
           coalesce(array_agg(u.resource) FILTER (WHERE u.scope = ''), '{}') AS resources
      FROM (SELECT u.* FROM ${USES('client')}) u JOIN resources r ON r.zone_id = $1 AND r.identifier = u.resource
     GROUP BY u.user_id
  ), found AS (
    SELECT c.id AS client_id, c.name AS client, c.scopes, c.audience, u.scopes AS used_scopes,
           ARRAY(SELECT unnest(u.resources) UNION SELECT unnest(c.default_resources) ORDER BY 1) AS used_audience
      FROM clients c JOIN by_client u ON u.user_id = c.id
     WHERE c.zone_id = $1 AND ${OLD('c')} AND ${ENABLED}
       AND cardinality(u.scopes) <= 200 AND cardinality(u.resources) <= 200
  )
  SELECT * FROM found
   WHERE cardinality(used_audience) BETWEEN 1 AND 200
     AND (scopes IS NULL OR NOT scopes <@ used_scopes OR audience IS NULL OR NOT audience <@ used_audience)
   ORDER BY client, client_id LIMIT $4`;
/** A delegation is for use from when it was accepted. */
const DELEGATIONS = `
  WITH used AS (
    SELECT u.user_id, array_agg(DISTINCT u.scope) FILTER (WHERE u.scope <> '') AS scopes,
           array_agg(u.resource) FILTER (WHERE u.scope = '') AS resources,
           sum(u.count) FILTER (WHERE u.scope = '')::float8 AS uses, max(u.last_at) AS last_at
      FROM ${USES('delegation')} GROUP BY u.user_id
  ), found AS (
    SELECT e.id AS delegation_edge_id, e.issuer_client_id AS issuer_application_id,
           e.receiver_client_id AS receiver_application_id,
           ${without('e.scopes', "coalesce(u.scopes, '{}')")} AS unused_scopes,
           ${without("ARRAY(SELECT jsonb_array_elements_text(e.constraints->'resources'))", "coalesce(u.resources, '{}')")} AS unused_resources,
           coalesce(u.uses, 0) AS uses, u.last_at AS last_used_at, e.created_at, e.expires_at
      FROM delegation_edges e LEFT JOIN used u ON u.user_id = e.id
     WHERE e.zone_id = $1 AND e.accepted_at < $3 AND ${DELEGATED}
  )
  SELECT * FROM found WHERE uses = 0 OR cardinality(unused_scopes) > 0 OR cardinality(unused_resources) > 0
   ORDER BY created_at, delegation_edge_id LIMIT $4`;
const TOO_YOUNG = `
  SELECT (SELECT count(*) FROM resources r WHERE r.zone_id = $1 AND (r.created_at >= $2 OR r.updated_at >= $2))::int AS resources,
         (SELECT count(*) FROM clients c WHERE c.zone_id = $1 AND c.removed_at IS NULL AND c.disabled_at IS NULL
             AND (c.created_at >= $2 OR c.updated_at >= $2))::int AS clients,
         (SELECT count(*) FROM delegation_edges e
           WHERE e.zone_id = $1 AND e.accepted_at >= $3 AND ${DELEGATED})::int AS delegations`;
