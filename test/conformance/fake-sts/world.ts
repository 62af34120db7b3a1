import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Client, Configuration } from '../configuration.js';
import { tokenType } from '../vocabulary.js';

export const ISSUER = 'https://sts.example/tenant';
export const METADATA = `${ISSUER}/metadata`;
export const TOKEN_ENDPOINT = `${ISSUER}/token`;
export const JWKS_URI = `${ISSUER}/jwks`;

export const RESOURCES = ['https://orders.example/', 'https://stock.example/'] as const;
export const SCOPES = ['read', 'write'] as const;
export const TRUSTED = 'https://idp.example';

/** A private key and its public half, with `alg` and `kid`. */
export interface KeyPair {
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
}

/** What the fake server knows: its own key, its clients, and an issuer that it trusts. */
export interface World {
  readonly key: KeyPair;
  readonly clientKey: KeyPair;
  readonly issuerKey: KeyPair;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Makes the keys. They serve all fake servers of a test file. */
export async function makeWorld(): Promise<World> {
  const [key, clientKey, issuerKey] = await Promise.all([
    newKey('ES256', 'server'),
    newKey('ES256', 'client'),
    newKey('ES256', 'issuer'),
  ]);
  return {
    key,
    clientKey,
    issuerKey,
    secrets: { web: 'secret-of-web', agent: 'secret-of-agent', orders: 'secret-of-orders' },
  };
}

async function newKey(alg: string, kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const said = { alg, kid };
  return {
    privateJwk: { ...(await exportJWK(privateKey)), ...said },
    publicJwk: { ...(await exportJWK(publicKey)), ...said, use: 'sig' },
  };
}

/** A client of the fake server, which sends its secret in the body. */
export function clientNamed(world: World, id: string): Client {
  return {
    client_id: id,
    client_secret: world.secrets[id] ?? '',
    authentication: 'client_secret_post',
  };
}

/**
 * What there is to know of the fake server for all checks to run.
 *
 * @param tokens issued by one that has no fault
 */
export function configurationOf(
  world: World,
  tokens: { readonly subject: string; readonly actor: string },
): Configuration {
  const [resource, otherResource] = RESOURCES;
  return {
    base: ISSUER,
    metadata: METADATA,
    issuer: ISSUER,
    token_endpoint: TOKEN_ENDPOINT,
    client: clientNamed(world, 'web'),
    assertion_client: { client_id: 'robot', private_key: world.clientKey.privateJwk },
    subject_token: tokens.subject,
    actor_token: tokens.actor,
    downstream: {
      client: clientNamed(world, 'orders'),
      parameters: { resource: otherResource, scope: 'read' },
    },
    trusted_issuer: {
      issuer: TRUSTED,
      private_key: world.issuerKey.privateJwk,
      audience: ISSUER,
      subject: 'alice',
      subject_token_type: tokenType('jwt'),
    },
    resource,
    other_resource: otherResource,
    audience: resource,
    scope: SCOPES.join(' '),
  };
}
