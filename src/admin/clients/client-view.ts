import type { EntityManager } from 'typeorm';
import type { AssertionAudience } from '../../zones/clients/asserting-client.js';
import type { Client } from '../../zones/clients/client.entity.js';
import type { PublicJwks } from '../../zones/issuers/jwks.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { ClientSecretView } from './client-secret-view.js';
import type { Removing } from '../removals/describe-removal.js';
import { identitiesOf, type RegisteredIdentity } from './federated-identities.js';

/** A client (RFC 6749 2): an application that may request mandates. */
export interface ClientView {
  readonly id: string;
  /** Unique in the zone. */
  readonly name: string;
  /** What it is, for the people who confirm its requests, if that was said. */
  readonly description?: string;
  /** What operators call the application elsewhere, if that was said. */
  readonly app_id?: string;
  /** What policies can tell clients apart by. */
  readonly labels: readonly string[];
  /** Groups that policies can name. */
  readonly groups: readonly string[];
  /** What its requests are for that name no `resource` (RFC 8707 2); the zone's if empty. */
  readonly default_resources: readonly string[];
  /** All scopes that it may be granted, whatever policy allows; `null`: not limited here. */
  readonly scopes: readonly string[] | null;
  /** All resources that it may have mandates for, by identifier, whatever policy allows; `null`: not limited here. */
  readonly audience: readonly string[] | null;
  /** The most seconds that a mandate lives that it is issued; `null`: not limited here. */
  readonly access_token_lifespan: number | null;
  /** Whether it may receive shared signals of the zone (OpenID SSF 1.0). */
  readonly ssf: boolean;
  /** What its introspection answers are signed with (RFC 9701 6); absent: they are JSON. */
  readonly introspection_signed_response_alg?: ZoneAlg;
  /** How it may authenticate (RFC 7591 2). */
  readonly auth_methods: readonly string[];
  /** Its public keys, if they are registered themselves. */
  readonly jwks?: PublicJwks;
  /** Where it publishes them, if it does. */
  readonly jwks_uri?: string;
  /** What the `aud` of its assertions must be; absent unless it authenticates by its keys. */
  readonly assertion_audience?: AssertionAudience;
  /** Whose token authenticates it, if it is a workload. */
  readonly workload_identity?: { readonly issuer: string; readonly subject: string };
  /** Whose tokens name it, if any do. */
  readonly federated_identities?: readonly RegisteredIdentity[];
  readonly registration_method: string;
  /** A disabled client is refused everywhere. */
  readonly disabled: boolean;
  /** Since when it is being removed, if it is. */
  readonly removing?: { readonly since: Date };
  readonly created_at: Date;
  /** When an operator changed it last; when it was made, if none has. */
  readonly updated_at: Date;
}

/** A client in a list of one zone. */
export interface ListedClientView extends ClientView {
  /** Its secrets that are not revoked, without their values, where that was asked for (`secrets=true`). */
  readonly secrets?: readonly ClientSecretView[];
}

/** A client in a list of several zones. */
export interface ClientOfZoneView extends ClientView {
  readonly zone_id: string;
}

/** A client that was just registered. */
export interface NewClientView extends ClientView {
  /** The same as `id`, as RFC 7591 3.2.1 calls it. */
  readonly client_id: string;
  /** The id of its first secret, if it has one. */
  readonly secret_id?: string;
  /** Its first secret, this once, if it has one. */
  readonly client_secret?: string;
  /** When that stops working, in seconds since the epoch; 0: when it is revoked (RFC 7591 3.2.1). */
  readonly client_secret_expires_at?: number;
}

/** A client that is being removed, with how far that is. */
export interface RemovingClientView extends Omit<ClientView, 'removing'>, Removing {}

/** A client as operators are shown it. */
export function toView(row: Client, identities: readonly RegisteredIdentity[] = []): ClientView {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.appId === null ? {} : { app_id: row.appId }),
    labels: row.labels,
    groups: row.groups,
    default_resources: row.defaultResources,
    scopes: row.scopes,
    audience: row.audience,
    access_token_lifespan: row.accessTokenLifespan,
    ssf: row.ssf,
    ...(row.introspectionAlg === null
      ? {}
      : { introspection_signed_response_alg: row.introspectionAlg }),
    auth_methods: row.authMethods,
    ...(row.jwks === null ? {} : { jwks: row.jwks }),
    ...(row.jwksUri === null ? {} : { jwks_uri: row.jwksUri }),
    ...(row.authMethods.includes('private_key_jwt')
      ? { assertion_audience: row.assertionAudience }
      : {}),
    ...(row.workloadIssuer === null || row.workloadSubject === null
      ? {}
      : { workload_identity: { issuer: row.workloadIssuer, subject: row.workloadSubject } }),
    ...(identities.length === 0 ? {} : { federated_identities: identities }),
    registration_method: row.registrationMethod,
    disabled: row.disabledAt !== null,
    ...(row.removedAt === null ? {} : { removing: { since: row.removedAt } }),
    created_at: row.createdAt,
    updated_at: row.updatedAt ?? row.createdAt,
  };
}

/** What is shown of a client, with what is stored beside its row. */
export async function viewClient(on: EntityManager, row: Client): Promise<ClientView> {
  const { zoneId, id } = row;
  return toView(row, (await identitiesOf(on, zoneId, [id])).get(id));
}
