import type { EntityManager } from 'typeorm';
import type { AccessAnalysis } from './access-analysis.entity.js';

type Queries = Pick<EntityManager, 'query'>;

/** How many of each kind are shown; the others come to be seen once these are dealt with. */
export const MAX_FINDINGS = 200;

/** A resource that nobody has used. */
export interface UnusedResource {
  readonly resource_id: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly created_at: Date;
}

/** Scopes of a resource that is used, which nobody has. */
export interface UnusedScopes {
  readonly resource_id: string;
  readonly resource: string;
  readonly used_scopes: readonly string[];
  readonly unused_scopes: readonly string[];
  /** Decisions that let the resource pass, and the last of them. */
  readonly uses: number;
  readonly last_used_at: Date;
}

/** A client that has asked for nothing that it was let have. */
export interface UnusedClient {
  readonly client_id: string;
  readonly client: string;
  readonly created_at: Date;
}

/** Scopes that the active policies, and what is registered, let a client have for a resource that it uses without them. */
export interface UnusedClientScopes extends UnusedScopes {
  readonly client_id: string;
  readonly client: string;
}

/** What a client may be granted by what is registered, and what of it it uses. */
export interface WideClient {
  readonly client_id: string;
  readonly client: string;
  /** As they are registered; `null`: not limited. */
  readonly scopes: readonly string[] | null;
  readonly audience: readonly string[] | null;
  readonly used_scopes: readonly string[];
  /** Those that are used, and those that it has by default. */
  readonly used_audience: readonly string[];
}

/** A delegation that is alive, and of which something was not used. */
export interface UnusedDelegation {
  readonly delegation_edge_id: string;
  readonly issuer_application_id: string;
  readonly receiver_application_id: string;
  readonly unused_scopes: readonly string[];
  readonly unused_resources: readonly string[];
  readonly uses: number;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** What is unused. */
export interface Findings {
  readonly resources: readonly UnusedResource[];
  readonly scopes: readonly UnusedScopes[];
  readonly clients: readonly UnusedClient[];
  readonly client_scopes: readonly UnusedClientScopes[];
  readonly wide_clients: readonly WideClient[];
  readonly delegations: readonly UnusedDelegation[];
}

/** What is there and nothing is said of, since it was made, or changed, within the period. */
export interface TooYoung {
  readonly resources: number;
  readonly clients: number;
  readonly delegations: number;
}

/**
 * Compares what an analysis has found to be used with what is registered now.
 *
 * @returns up to {@link MAX_FINDINGS} of each kind, and one more if there are more
 */
export async function readFindings(
  db: Queries,
  { zoneId, id, fromAt }: Pick<AccessAnalysis, 'zoneId' | 'id' | 'fromAt'>,
): Promise<Findings> {
  const ask = <Row>(sql: string) => db.query<Row[]>(sql, [zoneId, id, fromAt, MAX_FINDINGS + 1]);
  return {
    resources: await ask(RESOURCES),
    scopes: await ask(SCOPES),
    clients: await ask(CLIENTS),
    client_scopes: await ask(CLIENT_SCOPES),
    wide_clients: await ask(WIDE_CLIENTS),
    delegations: await ask(DELEGATIONS),
  };
}

/** Counts what is too young for an analysis. */
export async function countTooYoung(
  db: Queries,
  { zoneId, fromAt }: Pick<AccessAnalysis, 'zoneId' | 'fromAt'>,
): Promise<TooYoung> {
  const [counted] = await db.query<TooYoung[]>(TOO_YOUNG, [zoneId, fromAt]);
  return counted ?? { resources: 0, clients: 0, delegations: 0 };
}

const OLD = (row: string) => `${row}.created_at < $3 AND coalesce(${row}.updated_at < $3, true)`;
const DELEGATED = `e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()`;
/** Uses by clients, by resource. */
const BY_RESOURCE = `
  SELECT u.resource, coalesce(array_agg(DISTINCT u.scope) FILTER (WHERE u.scope <> '' AND u.count > 0), '{}') AS scopes,
         sum(u.count) FILTER (WHERE u.scope = '')::float8 AS uses, max(u.last_at) AS last_at
    FROM access_uses u WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' GROUP BY u.resource`;
const without = (all: string, some: string) =>
  `ARRAY(SELECT s FROM unnest(${all}) AS s WHERE s <> ALL (${some}) ORDER BY s)`;

const RESOURCES = `
  SELECT r.id AS resource_id, r.identifier AS resource, r.scopes, r.created_at
    FROM resources r
   WHERE r.zone_id = $1 AND ${OLD('r')}
     AND r.identifier NOT IN (SELECT u.resource FROM (${BY_RESOURCE}) u)
   ORDER BY r.identifier LIMIT $4`;
const SCOPES = `
  SELECT r.id AS resource_id, r.identifier AS resource, u.scopes AS used_scopes,
         ${without('r.scopes', 'u.scopes')} AS unused_scopes, u.uses, u.last_at AS last_used_at
    FROM resources r JOIN (${BY_RESOURCE}) u ON u.resource = r.identifier
   WHERE r.zone_id = $1 AND ${OLD('r')} AND NOT r.scopes <@ u.scopes
   ORDER BY r.identifier LIMIT $4`;
/** Whoever owns a resource, or introspects mandates for it, or receives signals, may need no mandates of its own. */
const CLIENTS = `
  SELECT c.id AS client_id, c.name AS client, c.created_at
    FROM clients c
   WHERE c.zone_id = $1 AND ${OLD('c')} AND c.disabled_at IS NULL AND c.removed_at IS NULL AND NOT c.ssf
     AND NOT EXISTS (SELECT FROM access_uses u
                      WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' AND u.user_id = c.id)
     AND NOT EXISTS (SELECT FROM resources r WHERE r.zone_id = $1
                       AND (r.owner_client_id = c.id OR c.id = ANY (r.introspection_client_ids)))
   ORDER BY c.name, c.id LIMIT $4`;
const BY_PAIR = `
  SELECT u.user_id, u.resource, coalesce(array_agg(u.scope) FILTER (WHERE u.scope <> '' AND u.count > 0), '{}') AS used,
         coalesce(array_agg(u.scope) FILTER (WHERE u.scope <> '' AND u.count = 0), '{}') AS granted,
         sum(u.count) FILTER (WHERE u.scope = '')::float8 AS uses, max(u.last_at) AS last_at
    FROM access_uses u WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' GROUP BY u.user_id, u.resource`;
const CLIENT_SCOPES = `
  SELECT * FROM (
    SELECT c.id AS client_id, c.name AS client, r.id AS resource_id, r.identifier AS resource, p.used AS used_scopes,
           ARRAY(SELECT s FROM unnest(p.granted) AS s
                  WHERE s = ANY (r.scopes) AND (c.scopes IS NULL OR s = ANY (c.scopes)) ORDER BY s) AS unused_scopes,
           p.uses, p.last_at AS last_used_at
      FROM (${BY_PAIR}) p
      JOIN clients c ON c.zone_id = $1 AND c.id = p.user_id AND ${OLD('c')} AND c.disabled_at IS NULL AND c.removed_at IS NULL
      JOIN resources r ON r.zone_id = $1 AND r.identifier = p.resource AND ${OLD('r')}
  ) AS found WHERE cardinality(unused_scopes) > 0
   ORDER BY client, client_id, resource LIMIT $4`;
const WIDE_CLIENTS = `
  SELECT * FROM (
    SELECT c.id AS client_id, c.name AS client, c.scopes, c.audience,
           ARRAY(SELECT DISTINCT u.scope FROM access_uses u JOIN resources r ON r.zone_id = $1 AND r.identifier = u.resource
                  WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' AND u.user_id = c.id
                    AND u.scope <> '' AND u.count > 0 ORDER BY 1) AS used_scopes,
           ARRAY(SELECT u.resource FROM access_uses u JOIN resources r ON r.zone_id = $1 AND r.identifier = u.resource
                  WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client' AND u.user_id = c.id AND u.scope = ''
                 UNION SELECT unnest(c.default_resources) ORDER BY 1) AS used_audience
      FROM clients c
     WHERE c.zone_id = $1 AND ${OLD('c')} AND c.disabled_at IS NULL AND c.removed_at IS NULL
       AND c.id IN (SELECT u.user_id FROM access_uses u
                     WHERE u.zone_id = $1 AND u.analysis_id = $2 AND u.used_by = 'client')
     ORDER BY c.name, c.id
  ) AS found
   WHERE cardinality(used_scopes) <= 200 AND cardinality(used_audience) BETWEEN 1 AND 200
     AND (scopes IS NULL OR NOT scopes <@ used_scopes OR audience IS NULL OR NOT audience <@ used_audience)
   LIMIT $4`;
const DELEGATIONS = `
  SELECT * FROM (
    SELECT e.id AS delegation_edge_id, e.issuer_client_id AS issuer_application_id,
           e.receiver_client_id AS receiver_application_id,
           ${without('e.scopes', 'u.scopes')} AS unused_scopes,
           ${without("ARRAY(SELECT jsonb_array_elements_text(e.constraints->'resources'))", 'u.resources')} AS unused_resources,
           u.uses, u.last_at AS last_used_at, e.created_at, e.expires_at
      FROM delegation_edges e
     CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(DISTINCT d.scope) FILTER (WHERE d.scope <> ''), '{}') AS scopes,
              coalesce(array_agg(DISTINCT d.resource), '{}') AS resources,
              coalesce(sum(d.count) FILTER (WHERE d.scope = ''), 0)::float8 AS uses, max(d.last_at) AS last_at
         FROM access_uses d
        WHERE d.zone_id = $1 AND d.analysis_id = $2 AND d.used_by = 'delegation' AND d.user_id = e.id) AS u
     WHERE e.zone_id = $1 AND e.created_at < $3 AND ${DELEGATED}
  ) AS found WHERE uses = 0 OR cardinality(unused_scopes) > 0 OR cardinality(unused_resources) > 0
   ORDER BY created_at, delegation_edge_id LIMIT $4`;
const TOO_YOUNG = `
  SELECT (SELECT count(*) FROM resources r WHERE r.zone_id = $1 AND (r.created_at >= $2 OR r.updated_at >= $2))::int AS resources,
         (SELECT count(*) FROM clients c WHERE c.zone_id = $1 AND c.removed_at IS NULL AND c.disabled_at IS NULL
             AND (c.created_at >= $2 OR c.updated_at >= $2))::int AS clients,
         (SELECT count(*) FROM delegation_edges e
           WHERE e.zone_id = $1 AND e.created_at >= $2 AND ${DELEGATED})::int AS delegations`;
