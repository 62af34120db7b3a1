import { In, IsNull, type EntityManager, type Repository } from 'typeorm';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import type { Client } from '../../zones/clients/client.entity.js';
import { containing, having, readPage, type Filter, type Page } from '../pagination.js';
import { toView as toSecretView, type ClientSecretView } from './client-secret-view.js';
import { toView, type ClientView } from './client-view.js';
import type { ClientsQuery } from './clients-query.body.js';
import { identitiesOf } from './federated-identities.js';

/**
 * Reads one part of a list of clients.
 *
 * @param filters what else they must be, such as of zones that an operator may see
 * @returns each with its zone
 */
export async function readClients(
  clients: Repository<Client>,
  within: Readonly<Record<string, string>>,
  query: ClientsQuery,
  filters: readonly Filter[] = [],
): Promise<Page<{ readonly zoneId: string; readonly view: ClientView }>> {
  const { items, ...rest } = await readPage(clients, within, query, (row) => row, [
    ...filters,
    ...having('name', query.name),
    ...having('app_id', query.app_id),
    ...(query.disabled === undefined
      ? []
      : [{ sql: `row.disabled_at IS ${query.disabled === 'true' ? 'NOT ' : ''}NULL` }]),
    ...among('labels', query.label),
    ...among('groups', query.group),
    ...among('auth_methods', query.auth_method),
    ...containing(['name', 'description', 'app_id'], query.search),
  ]);
  const zones = new Set(items.map(({ zoneId }) => zoneId));
  const identities = new Map<string, ReturnType<typeof toView>['federated_identities']>();
  for (const zoneId of zones) {
    const ids = items.filter((row) => row.zoneId === zoneId).map(({ id }) => id);
    // oxlint-disable-next-line no-await-in-loop
    const found = await identitiesOf(clients.manager, zoneId, ids);
    for (const [id, some] of found) identities.set(`${zoneId} ${id}`, some);
  }
  return {
    items: items.map((row) => ({
      zoneId: row.zoneId,
      view: toView(row, identities.get(`${row.zoneId} ${row.id}`)),
    })),
    ...rest,
  };
}

/** The secrets of clients that are not revoked, by the id of the client, the oldest first. */
export async function readSecrets(
  on: EntityManager,
  zoneId: string,
  clientIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ClientSecretView[]>> {
  const rows = await on.find(ClientSecret, {
    where: { zoneId, clientId: In(clientIds), revokedAt: IsNull() },
    order: { id: 'ASC' },
  });
  const secrets = new Map<string, ClientSecretView[]>(clientIds.map((id) => [id, []]));
  for (const row of rows) secrets.get(row.clientId)?.push(toSecretView(row));
  return secrets;
}

/** Rows that have a text among those of a column. */
function among(column: string, value: string | undefined): readonly Filter[] {
  if (value === undefined) return [];
  return [
    { sql: `:among_${column} = ANY (row.${column})`, parameters: { [`among_${column}`]: value } },
  ];
}
