import { readAnswer, type Answer } from './answer.js';
import type { Configuration } from './configuration.js';

/** Where the server is, and its metadata, if it has any. */
export interface Endpoints {
  readonly tokenEndpoint: string;
  /** Empty if nobody says. */
  readonly issuer: string;
  readonly jwksUri: string | null;
  readonly metadata: Metadata | null;
}

/** A metadata document (RFC 8414), and where it was found. */
export interface Metadata {
  readonly url: string;
  readonly answer: Answer;
}

/**
 * Where the metadata of an issuer may be: its well-known place (RFC 8414 3), and those of OpenID Connect, with which
 * servers began that have it (RFC 8414 5).
 */
export function wellKnownPlaces(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '');
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

/**
 * Finds the endpoints: what is configured, else what the metadata says.
 *
 * @throws {Error} if there is no token endpoint
 */
export async function discover(
  configuration: Configuration,
  ask: typeof fetch,
): Promise<Endpoints> {
  const metadata = await findMetadata(configuration, ask);
  const said = (name: string) => {
    const value = metadata?.answer.body[name];
    return typeof value === 'string' ? value : undefined;
  };
  const tokenEndpoint = configuration.token_endpoint ?? said('token_endpoint');
  if (tokenEndpoint === undefined) {
    throw new Error('no token endpoint: neither metadata nor TOKEN_ENDPOINT has one');
  }
  return {
    tokenEndpoint,
    issuer: configuration.issuer ?? said('issuer') ?? '',
    jwksUri: configuration.jwks_uri ?? said('jwks_uri') ?? null,
    metadata,
  };
}

async function findMetadata(
  { base, metadata }: Configuration,
  ask: typeof fetch,
): Promise<Metadata | null> {
  const places = metadata ? [metadata] : base ? wellKnownPlaces(base) : [];
  for (const url of places) {
    const answer = await readAnswer(await ask(url, { headers: { accept: 'application/json' } }));
    if (answer.status < 400 && answer.isObject) return { url, answer };
  }
  return null;
}
