import type { ClientView } from './client-view.js';

/** The connection that is read on. */
export interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** What is set of a client beside how it authenticates. */
type Settings = Pick<
  ClientView,
  | 'accessTokenLifespan'
  | 'assertionAudience'
  | 'audience'
  | 'defaultResources'
  | 'generation'
  | 'introspectionAlg'
  | 'scopes'
  | 'ssf'
>;

interface Row extends Omit<ClientView, 'workloadIdentity' | keyof Settings> {
  readonly workloadIssuer: string | null;
  readonly workloadSubject: string | null;
  readonly settings: Settings;
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
  for (const { workloadIssuer: issuer, workloadSubject: subject, settings, ...rest } of rows) {
    const workloadIdentity = issuer === null || subject === null ? null : { issuer, subject };
    found.get(rest.id)?.push({ ...rest, ...settings, workloadIdentity });
  }
  return ids.map((id) => found.get(id) ?? []);
}

const CLIENTS = `
  SELECT zone_id AS "zoneId", id, version, labels, groups, auth_methods AS "authMethods", jwks, jwks_uri AS "jwksUri",
         workload_issuer AS "workloadIssuer", workload_subject AS "workloadSubject",
         registration_method AS "registrationMethod", disabled, secrets, settings
    FROM clients_with_settings($1)`;
