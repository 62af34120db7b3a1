import type { Client } from '../clients/client.entity.js';
import type { ClientSecret } from '../clients/client-secret.entity.js';
import type { SecretRecord } from '../clients/secret.js';
import type { ClientView } from './zone-snapshot.js';

/** Clients that are read at once: so few that nothing else of the process has to wait for them. */
export const CHUNK = 1_000;

/** Raised for a zone with more clients than the reader wants to read now. */
export class TooManyClients extends Error {
  override readonly name = 'TooManyClients';
  constructor(max: number) {
    super(`the zone has more than ${max} clients`);
  }
}

/** The transaction that is read in. */
export interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

type ClientRow = Omit<Client, 'zoneId' | 'name' | 'createdAt'>;
type SecretRow = Pick<ClientSecret, 'clientId' | 'kind' | 'verifier' | 'expiresAt'>;

/**
 * Reads the clients of a zone, with their live secrets, a thousand at a time: between these the process
 * does what others ask of it, and no statement takes long, however many there are.
 *
 * @param tx a REPEATABLE READ transaction
 * @param max the most clients to read
 * @throws {TooManyClients} before more than `max` and one thousand are read
 */
export async function readClients(
  tx: Reading,
  zoneId: string,
  max: number,
): Promise<Map<string, ClientView>> {
  const views = new Map<string, ClientView>();
  const secretsOf = new Map<string, SecretRecord[]>();
  for await (const rows of chunks<ClientRow>(tx, CLIENTS, zoneId)) {
    if (views.size + rows.length > max) throw new TooManyClients(max);
    for (const row of rows) {
      const secrets: SecretRecord[] = [];
      secretsOf.set(row.id, secrets);
      views.set(row.id, viewOf(row, secrets));
    }
  }
  for await (const rows of chunks<SecretRow>(tx, SECRETS, zoneId)) {
    for (const { clientId, kind, verifier, expiresAt } of rows) {
      const record = { kind, verifier, expiresAt: expiresAt?.getTime() ?? null };
      secretsOf.get(clientId)?.push(record);
    }
  }
  return views;
}

const CLIENTS = `
  SELECT id, labels, groups, auth_methods AS "authMethods", jwks, jwks_uri AS "jwksUri",
         workload_issuer AS "workloadIssuer", workload_subject AS "workloadSubject",
         registration_method AS "registrationMethod", disabled_at AS "disabledAt"
    FROM clients WHERE zone_id = $1`;

const SECRETS = `
  SELECT client_id AS "clientId", kind, verifier, expires_at AS "expiresAt"
    FROM client_secrets WHERE zone_id = $1 AND revoked_at IS NULL`;

/** The rows of a query about a zone, through a cursor: in parts, of which each is read when it is asked for. */
async function* chunks<Row>(tx: Reading, query: string, zoneId: string) {
  await tx.query(`DECLARE of_zone NO SCROLL CURSOR FOR ${query}`, [zoneId]);
  for (;;) {
    const rows = await tx.query<Row[]>(`FETCH ${CHUNK} FROM of_zone`);
    if (rows.length > 0) yield rows;
    if (rows.length < CHUNK) break;
  }
  await tx.query('CLOSE of_zone');
}

function viewOf(client: ClientRow, secrets: readonly SecretRecord[]): ClientView {
  const { workloadIssuer: issuer, workloadSubject: subject, disabledAt, ...rest } = client;
  return {
    ...rest,
    disabled: disabledAt !== null,
    secrets,
    workloadIdentity: issuer === null || subject === null ? null : { issuer, subject },
  };
}
