import type { Away } from '../../oauth/away.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { KeySchedule } from '../../keys/rotation/key-schedule.js';
import type { ZoneAlgs } from '../../keys/signing/signing-algs.js';
import type { RevocationChannel } from '../../zones/resource.entity.js';
import type { StoredIssuer } from '../../zones/zone-issuer.js';

/** A key of a zone, without anything private. */
export type ScheduledKey = KeySchedule & { readonly kid: string; readonly alg: ZoneAlg };

/** What the metadata of a zone is made of: columns that hold nothing private. */
export interface ZoneFacts extends StoredIssuer, ZoneAlgs {
  readonly zoneId: string;
  /** Why it is not served here; `null` where it is. */
  readonly away: Away | null;
  /** The issuer before, as long as what it has issued may be out. */
  readonly formerIssuer: string | null;
  readonly keys: readonly ScheduledKey[];
  /** The algorithms that resources have asked for. */
  readonly resourceAlgs: readonly ZoneAlg[];
  /** Those of its pages, as it was given them; `null` if it was given none. */
  readonly languages: readonly string[] | null;
  /** Identifiers of resources that are listed; {@link MAX_LISTED} and one if there are more. */
  readonly listed: readonly string[];
  /** The scopes of those, as many at most. */
  readonly scopes: readonly string[];
  /** The claims of users that scopes of those let into mandates, as many at most. */
  readonly claims: readonly string[];
  /** The types of authorization details that resources declare, listed or not; as many at most. */
  readonly detailTypes: readonly string[];
}

/** What the metadata of a resource is made of. */
export interface ResourceFacts extends StoredIssuer, ZoneAlgs {
  readonly zoneId: string;
  /** Why its zone is not served here; `null` where it is. */
  readonly away: Away | null;
  readonly keys: readonly ScheduledKey[];
  readonly identifier: string;
  readonly scopes: readonly string[];
  readonly revocation: RevocationChannel | null;
  /** The types of authorization details that it declares. */
  readonly detailTypes: readonly string[];
}

/** The most resources that a document names, and the most scopes: of more it says nothing rather than half. */
export const MAX_LISTED = 1_000;

/** Which resource is meant. */
export interface AskedResource {
  readonly zoneId: string;
  readonly resourceId: string;
}

/** The connection that is read on. */
interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** Reads zones, by one statement. @returns in their order; `null` for a zone that is not there */
export async function readZoneFacts(
  on: Reading,
  zoneIds: readonly string[],
): Promise<(ZoneFacts | null)[]> {
  const rows = await on.query<ZoneFacts[]>(ZONES, [zoneIds]);
  const found = new Map(rows.map((row) => [row.zoneId, row]));
  return zoneIds.map((id) => found.get(id) ?? null);
}

/** Reads resources, by one statement. @returns in their order; `null` for one that is not there */
export async function readResourceFacts(
  on: Reading,
  asked: readonly AskedResource[],
): Promise<(ResourceFacts | null)[]> {
  const zones = asked.map(({ zoneId }) => zoneId);
  const ids = asked.map(({ resourceId }) => resourceId);
  const rows = await on.query<(ResourceFacts & { id: string })[]>(RESOURCES, [zones, ids]);
  const found = new Map(rows.map((row) => [`${row.zoneId}/${row.id}`, row]));
  return asked.map(({ zoneId, resourceId }) => found.get(`${zoneId}/${resourceId}`) ?? null);
}

/** Whether there is a zone whose issuer is that of the installation. */
export async function isAnyShared(on: Reading): Promise<boolean> {
  const [row] = await on.query<{ shared: boolean }[]>(SHARED);
  return row?.shared === true;
}

const SHARED = `SELECT EXISTS (
  SELECT 1 FROM zones WHERE issuer_mode = 'shared' AND removed_at IS NULL) AS shared`;

const OF_ZONE = `z.id AS "zoneId", z.away, z.issuer_mode AS "issuerMode", z.issuer_url AS "issuerUrl",
    CASE WHEN z.previous_issuer_until > clock_timestamp() THEN z.previous_issuer END AS "formerIssuer",
    z.signing_alg AS standard, z.previous_signing_alg AS bridge,
    coalesce((
      SELECT json_agg(json_build_object(
               'kid', k.kid, 'alg', k.alg, 'publishedAt', milliseconds(k.published_at),
               'activatesAt', milliseconds(k.activates_at), 'retiresAt', milliseconds(k.retires_at),
               'expiresAt', milliseconds(k.expires_at), 'compromisedAt', milliseconds(k.compromised_at)))
        FROM signing_keys k
       WHERE k.zone_id = z.id AND k.compromised_at IS NULL
         AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())), '[]') AS keys`;

/** Whether a scope is in use in the zone. */
const ACTIVE = (scope: string) =>
  `NOT EXISTS (SELECT FROM scopes i WHERE i.zone_id = z.id AND i.name = ${scope} AND NOT i.active)`;

const ZONES = `SELECT ${OF_ZONE}, z.languages,
    ARRAY(SELECT DISTINCT t.signing_alg::text FROM resources t
           WHERE t.zone_id = z.id AND t.signing_alg IS NOT NULL) AS "resourceAlgs",
    ARRAY(SELECT t.identifier FROM resources t
           WHERE t.zone_id = z.id AND t.listed ORDER BY t.identifier LIMIT ${MAX_LISTED + 1}) AS listed,
    ARRAY(SELECT DISTINCT s.scope FROM resources t, unnest(t.scopes) AS s (scope)
           WHERE t.zone_id = z.id AND t.listed AND ${ACTIVE('s.scope')} ORDER BY s.scope LIMIT ${MAX_LISTED + 1}) AS scopes,
    ARRAY(SELECT DISTINCT c.name FROM scopes s, unnest(s.claims) AS c (name)
           WHERE s.zone_id = z.id AND s.active AND s.claims <> '{}'
             AND s.name IN (SELECT u.scope FROM resources t, unnest(t.scopes) AS u (scope) WHERE t.zone_id = z.id AND t.listed)
           ORDER BY c.name LIMIT ${MAX_LISTED + 1}) AS claims,
    ARRAY(SELECT DISTINCT d ->> 'type' AS type
            FROM resources t, jsonb_array_elements(t.authorization_details_types) AS d
           WHERE t.zone_id = z.id ORDER BY type LIMIT ${MAX_LISTED + 1}) AS "detailTypes"
  FROM zones z WHERE z.id = ANY ($1::uuid[]) AND z.removed_at IS NULL`;

const RESOURCES = `SELECT ${OF_ZONE}, t.id, t.identifier, t.revocation,
    scopes_without(t.scopes, ARRAY(SELECT i.name FROM scopes i WHERE i.zone_id = z.id AND NOT i.active)) AS scopes,
    ARRAY(SELECT d ->> 'type' FROM jsonb_array_elements(t.authorization_details_types) AS d ORDER BY 1) AS "detailTypes"
  FROM unnest($1::uuid[], $2::uuid[]) AS asked (zone_id, id)
  JOIN resources t ON t.zone_id = asked.zone_id AND t.id = asked.id
  JOIN zones z ON z.id = t.zone_id AND z.removed_at IS NULL`;
