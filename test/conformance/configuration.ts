import { readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import type { Setting } from './requirements/requirement.js';
import { REQUIREMENTS } from './requirements/requirements.js';

/** Parameters of a request; a list is a parameter that is there several times. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A client, and how it authenticates. */
export interface Client {
  readonly client_id: string;
  readonly client_secret?: string;
  /** A private JWK with `alg`, and `kid` if the server needs it. */
  readonly private_key?: JWK;
  /** By default `client_secret_basic` with a secret, `private_key_jwt` with a key, else `none`. */
  readonly authentication?:
    'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';
  /** The audience of its assertions; by default the issuer (RFC 10070). */
  readonly assertion_audience?: string;
}

/** A token, or the parameters of the token request that gives one, and who sends it (by default `client`). */
export type TokenSource = string | { readonly client?: Client; readonly parameters: Parameters };

/** An issuer that the server trusts, in whose name the suite signs subject tokens. */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly private_key: JWK;
  /** The `aud` that the server expects of its tokens. */
  readonly audience: string;
  readonly subject: string;
  /** By default `urn:ietf:params:oauth:token-type:jwt`. */
  readonly subject_token_type?: string;
  /** Further claims that the server expects. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What `may_act` has to say to name `client`; by default `{"sub": client_id}`. */
  readonly may_act?: Readonly<Record<string, unknown>>;
}

/** The server that is tried, and what is known of it. What is left out skips the checks that need it. */
export interface Configuration {
  /** The issuer identifier: its metadata is looked for at the well-known places (RFC 8414 3). */
  readonly base?: string;
  /** Where the metadata is, if that is elsewhere. */
  readonly metadata?: string;
  /** These three are in the metadata, if there is any. */
  readonly issuer?: string;
  readonly token_endpoint?: string;
  readonly jwks_uri?: string;
  readonly client: Client;
  /** The client that authenticates by a JWT; by default `client`, if that does. */
  readonly assertion_client?: Client;
  readonly subject_token?: TokenSource;
  /** By default `urn:ietf:params:oauth:token-type:access_token`. */
  readonly subject_token_type?: string;
  readonly actor_token?: TokenSource;
  readonly actor_token_type?: string;
  /** The client that exchanges an issued token once more and becomes its actor, and what it asks for. */
  readonly downstream?: { readonly client: Client; readonly parameters: Parameters };
  readonly trusted_issuer?: TrustedIssuer;
  readonly resource?: string;
  readonly other_resource?: string;
  readonly audience?: string;
  readonly scope?: string;
  /** What this server needs beside that in each token request. */
  readonly parameters?: Parameters;
  /** What the server does not claim to do, each with the reason: ids of requirements, or their beginnings (`rfc9068-`). */
  readonly not_claimed?: Readonly<Record<string, string>>;
  /** Requirements that the server is known not to meet, by id, each with the reason. */
  readonly expected_failures?: Readonly<Record<string, string>>;
  /** Whether a SHOULD that is not met fails the run, and an expected failure that is none. */
  readonly strict?: boolean;
}

/** The names of the settings, in the order of the page about them. */
export const MEMBERS: ReadonlySet<string> = new Set([
  'base',
  'metadata',
  'issuer',
  'token_endpoint',
  'jwks_uri',
  'client',
  'assertion_client',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'downstream',
  'trusted_issuer',
  'resource',
  'other_resource',
  'audience',
  'scope',
  'parameters',
  'not_claimed',
  'expected_failures',
  'strict',
] satisfies (keyof Configuration)[]);

/** The variables that stand for members of the configuration, and win over its file. */
export const VARIABLES = {
  BASE: 'base',
  METADATA: 'metadata',
  ISSUER: 'issuer',
  TOKEN_ENDPOINT: 'token_endpoint',
  JWKS_URI: 'jwks_uri',
  SUBJECT_TOKEN: 'subject_token',
  SUBJECT_TOKEN_TYPE: 'subject_token_type',
  ACTOR_TOKEN: 'actor_token',
  ACTOR_TOKEN_TYPE: 'actor_token_type',
  RESOURCE: 'resource',
  OTHER_RESOURCE: 'other_resource',
  AUDIENCE: 'audience',
  SCOPE: 'scope',
} as const satisfies Record<string, keyof Configuration>;

type Environment = Readonly<Record<string, string | undefined>>;

/** What names a server, any of which will do. */
export const SERVER_VARIABLES = [
  'BASE',
  'METADATA',
  'TOKEN_ENDPOINT',
  'CONFORMANCE_CONFIG',
] as const;

/** Whether the environment names a server: by an address, or by a file of settings. */
export function isAnotherServer(env: Environment): boolean {
  return SERVER_VARIABLES.some((name) => Boolean(env[name]));
}

/**
 * Reads the configuration of another server: the JSON file that `CONFORMANCE_CONFIG` names, and over it
 * {@link VARIABLES}, `CLIENT_ID`, `CLIENT_SECRET` and `CONFORMANCE_STRICT`.
 *
 * @throws {Error} if it cannot be used, with what is wrong
 */
export function readConfiguration(env: Environment): Configuration {
  const path = env['CONFORMANCE_CONFIG'];
  const file: unknown = path ? JSON.parse(readFileSync(path, 'utf8')) : {};
  if (typeof file !== 'object' || file === null || Array.isArray(file)) {
    throw new Error('CONFORMANCE_CONFIG: not a JSON object');
  }
  const unknown = Object.keys(file).filter((name) => !MEMBERS.has(name));
  if (unknown.length > 0) throw new Error(`CONFORMANCE_CONFIG: unknown ${unknown.join(', ')}`);
  const given = Object.entries(VARIABLES).flatMap(([variable, member]) =>
    env[variable] ? [[member, env[variable]]] : [],
  );
  const merged = { ...file, ...Object.fromEntries(given) } as Partial<Configuration>;
  const client = readClient(merged.client, env);
  const { base, metadata, token_endpoint: tokenEndpoint } = merged;
  if (base === undefined && metadata === undefined && tokenEndpoint === undefined) {
    throw new Error('one of BASE, METADATA and TOKEN_ENDPOINT is needed');
  }
  const isKnown = (id: string) => REQUIREMENTS.some((requirement) => requirement.id === id);
  const unheard = Object.keys(merged.expected_failures ?? {}).filter((id) => !isKnown(id));
  if (unheard.length > 0)
    throw new Error(`expected_failures: no requirement ${unheard.join(', ')}`);
  return {
    ...merged,
    client,
    ...(env['CONFORMANCE_STRICT'] ? { strict: env['CONFORMANCE_STRICT'] !== '0' } : {}),
  };
}

function readClient(client: Client | undefined, env: Environment): Client {
  const id = env['CLIENT_ID'] || client?.client_id;
  if (id === undefined) throw new Error('client.client_id is needed, or CLIENT_ID');
  const secret = env['CLIENT_SECRET'] || client?.client_secret;
  return { ...client, client_id: id, ...(secret === undefined ? {} : { client_secret: secret }) };
}

/** What the checks that need a setting have of it. */
const PRESENT: Readonly<Record<Setting, (configuration: Configuration) => boolean>> = {
  client_secret: ({ client }) => client.client_secret !== undefined,
  assertion_client: (configuration) => assertionClientOf(configuration) !== undefined,
  subject_token: (configuration) =>
    configuration.subject_token !== undefined || configuration.trusted_issuer !== undefined,
  actor_token: (configuration) => configuration.actor_token !== undefined,
  downstream: (configuration) => configuration.downstream !== undefined,
  trusted_issuer: (configuration) => configuration.trusted_issuer !== undefined,
  resource: (configuration) => configuration.resource !== undefined,
  other_resource: (configuration) => configuration.other_resource !== undefined,
  audience: (configuration) => configuration.audience !== undefined,
  scope: (configuration) => configuration.scope !== undefined,
};

/** Those of some settings that are not configured. */
export function missingSettings(
  configuration: Configuration,
  needs: readonly Setting[],
): readonly Setting[] {
  return needs.filter((setting) => !PRESENT[setting](configuration));
}

/** The client whose assertions are tried. */
export function assertionClientOf(configuration: Configuration): Client | undefined {
  const { assertion_client: own, client } = configuration;
  return own ?? (client.private_key === undefined ? undefined : client);
}
