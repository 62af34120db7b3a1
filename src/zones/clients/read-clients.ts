import type { ClientView } from './client-view.js';

/** The connection that is read on. */
export interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

interface Row extends Omit<ClientView, 'workloadIdentity'> {
  readonly workloadIssuer: string | null;
  readonly workloadSubject: string | null;
}

/**
 * Reads clients with their secrets, by one statement.
 *
 * @param ids UUIDs
 * @returns for each id, in order, the clients that have it: one, or none. Operators who write SQL can give one id to
 *   clients of several zones
 */
export async function readClients(on: Reading, ids: readonly string[]): Promise<ClientView[][]> {
  const rows = await on.query<Row[]>(CLIENTS, [ids]);
  const found = new Map(ids.map((id) => [id, [] as ClientView[]]));
  for (const { workloadIssuer: issuer, workloadSubject: subject, ...rest } of rows) {
    const workloadIdentity = issuer === null || subject === null ? null : { issuer, subject };
    found.get(rest.id)?.push({ ...rest, workloadIdentity });
  }
  return ids.map((id) => found.get(id) ?? []);
}

// What expired is of no use to a process whose clock may be behind by less than a minute.
const CLIENTS = `
  SELECT c.zone_id AS "zoneId", c.id, c.version::text, c.labels, c.groups, c.auth_methods AS "authMethods",
         c.jwks, c.jwks_uri AS "jwksUri", c.workload_issuer AS "workloadIssuer",
         c.workload_subject AS "workloadSubject", c.registration_method AS "registrationMethod",
         c.disabled_at IS NOT NULL AS disabled,
         coalesce((
           SELECT json_agg(json_build_object('kind', s.kind, 'verifier', s.verifier,
                                             'expiresAt', floor(extract(epoch FROM s.expires_at) * 1000)))
             FROM client_secrets s
            WHERE s.zone_id = c.zone_id AND s.client_id = c.id AND s.revoked_at IS NULL
              AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp() - interval '1 minute')), '[]') AS secrets
    FROM clients c JOIN zones z ON z.id = c.zone_id
   WHERE c.id = ANY ($1::uuid[]) AND z.removed_at IS NULL
   ORDER BY c.zone_id`;
