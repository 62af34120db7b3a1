import { IsNull, type EntityManager } from 'typeorm';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import { Client } from '../../zones/clients/client.entity.js';
import type { Made } from '../audited-changes.service.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { given } from '../given.js';
import { checkDefaultResources } from '../zones/default-resources.js';
import { changeAuthentication, checkIntrospectionAlg, setOf } from './client-registration.js';
import { viewClient, type ClientView } from './client-view.js';
import type { ClientChangeBody } from './client-change.body.js';
import type { ClientReplacementBody } from './client-registration.body.js';
import { replaceIdentities } from './federated-identities.js';
import {
  changesAuthentication,
  readAuthentication,
  readIdentities,
} from './registered-authentication.js';

/** Which client is to be changed, and under which condition. */
export interface ChangedClient {
  readonly zoneId: string;
  readonly id: string;
  readonly precondition: Precondition;
  /** Reads what its keys may be fetched by, on the connection of the change: it may be urgent, and waits for no other. */
  readonly rulesOn: (tx: EntityManager) => Promise<FetchRules>;
}

/**
 * Whether a change takes authority away, and so waits for no change that does not: by disabling the client, or by a limit,
 * which is lower more often than not.
 */
export function takesAway(body: ClientChangeBody): boolean {
  const { disabled, scopes, audience, access_token_lifespan: lifespan } = body;
  return disabled === true || [scopes, audience, lifespan].some((limit) => Boolean(limit));
}

/**
 * Changes a client. To be called within `AuditedChanges.run`.
 *
 * @param replaces whether what the body does not say of how the client authenticates is as for a new one
 * @throws {HttpException} 404, 412, and 409 or 422 for what does not fit together
 */
export async function changeClient(
  tx: EntityManager,
  { zoneId, id, precondition, rulesOn }: ChangedClient,
  body: ClientChangeBody,
  replaces = false,
): Promise<Made<ClientView>> {
  const clients = tx.getRepository(Client);
  const before = await findRow(clients, { zoneId, id, removedAt: IsNull() }, 'client');
  const shown = await viewClient(tx, before);
  precondition.check(entityTag(shown));
  const columns = await columnsOf(tx, before, body);
  if (Object.keys(columns).length > 0) await clients.update({ zoneId, id }, columns);
  if (replaces || changesAuthentication(body)) {
    const authentication = readAuthentication(body, replaces ? null : before, await rulesOn(tx));
    await changeAuthentication(tx, before, authentication);
    const identities = replaces ? [] : (shown.federated_identities ?? []);
    const { authMethods } = authentication;
    await replaceIdentities(tx, before, readIdentities(body, identities, authMethods));
  }
  const result = await viewClient(tx, await clients.findOneByOrFail({ zoneId, id }));
  return { result, details: { before: shown, after: result } };
}

/** The change that makes of a client what a body says it is to be: what that leaves out is as for a new one. */
export function changeBy(body: ClientReplacementBody): ClientChangeBody {
  const { disabled, client_secret: _kept, id: _id, client_id: _same, ...registered } = body;
  const { created_at: _at, updated_at: _changed, registration_method: _how, ...told } = registered;
  return {
    description: null,
    app_id: null,
    labels: null,
    groups: null,
    default_resources: null,
    scopes: null,
    audience: null,
    access_token_lifespan: null,
    introspection_signed_response_alg: null,
    ssf: false,
    ...given({ ...told, disabled }),
  };
}

/** The columns that a change writes, but for how the client authenticates. */
async function columnsOf(tx: EntityManager, before: Client, body: ClientChangeBody) {
  const { zoneId } = before;
  const {
    name,
    description,
    app_id: appId,
    access_token_lifespan: accessTokenLifespan,
    ssf,
    disabled,
    default_resources: wanted,
    introspection_signed_response_alg: alg,
  } = body;
  const { labels, groups, scopes, audience } = body;
  return {
    ...given({ name, description, appId, accessTokenLifespan, ssf }),
    ...(labels === undefined ? {} : { labels: setOf(labels) ?? [] }),
    ...(groups === undefined ? {} : { groups: setOf(groups) ?? [] }),
    ...(scopes === undefined ? {} : { scopes: setOf(scopes) }),
    ...(audience === undefined ? {} : { audience: setOf(audience) }),
    ...(wanted === undefined
      ? {}
      : {
          defaultResources: await checkDefaultResources(
            tx,
            zoneId,
            wanted,
            before.defaultResources,
          ),
        }),
    ...(alg === undefined
      ? {}
      : { introspectionAlg: await checkIntrospectionAlg(tx, zoneId, alg) }),
    ...(disabled === undefined
      ? {}
      : { disabledAt: disabled ? () => 'coalesce(disabled_at, now())' : null }),
  };
}
