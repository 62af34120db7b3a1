import { createHash, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type pg from 'pg';
import { auditOf, rows, type AuditRow } from './databases.js';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';
import { databaseOf } from './zone-database.js';

/** Form parameters; a list repeats the parameter, `undefined` leaves it out. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An answer of the server, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly requestId: string;
}

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export const PERMIT_ALL =
  '@id("all") permit (principal, action == Action::"TokenExchange", resource);';

/** `ISSUER_URL` where nothing else is set: the issuer of zones that share one, and of those that the version before makes. */
export const INSTALLATION = 'http://localhost:8080';

/** A zone with a client, two resources and a policy, by default one that permits everything. */
export interface TestZone {
  readonly replica: Replica;
  readonly zoneId: string;
  /** The issuer of its mandates (RFC 8414 2). */
  readonly issuer: string;
  readonly clientId: string;
  readonly secret: string;
  /** Has the scopes `a:read`, `a:write` and `shared`. */
  readonly resource: string;
  /** Has the scopes `b:read` and `shared`. */
  readonly otherResource: string;
  /** Calls `/internal/zones/{zone}/…` and fails unless it worked. */
  admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Registers another client. */
  newClient(body?: object): Promise<{ clientId: string; secret: string }>;
  /** Writes one policy text and makes it the active one. */
  activate(content: string): Promise<string>;
  /** Asks for a session mandate: valid by default, parameters turned by name. */
  session(parameters?: Parameters, headers?: Record<string, string>): Promise<Answer>;
  /** The same, at another replica. */
  sessionAt(replica: Replica, parameters?: Parameters): Promise<Answer>;
  /** Exchanges a session mandate (a new one if none is given) for a resource mandate. */
  exchange(parameters?: Parameters, headers?: Record<string, string>): Promise<Answer>;
  /** The audit events of a request. */
  audit(requestId: string): Promise<AuditRow[]>;
}

/** The rows of one query about a zone, where its tables are. */
export async function rowsIn<T extends pg.QueryResultRow>(
  { replica, zoneId }: Pick<TestZone, 'replica' | 'zoneId'>,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  return rows<T>(await databaseOf(replica.databaseUrl, zoneId), text, values);
}

/** Sends a form to the token endpoint. */
export async function postForm(
  url: string,
  parameters: Parameters,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  return readAnswer(await fetch(`${url}/oauth/2/token`, { method: 'POST', body: form, headers }));
}

/** Calls an operators' route. */
export async function callAdmin(
  replica: Replica,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${replica.url}/internal${path}`, {
    method,
    headers: {
      authorization: `Bearer ${replica.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return readAnswer(response);
}

/**
 * Resources of a zone, and one policy that is active, as the routes of operators leave them: these are six requests that
 * take five times as long as the rest of a zone, for what most tests do not look at. `test/house/test-zones.spec.ts`
 * holds that both leave the same rows.
 */
const FURNISH = `
  WITH res AS (
    INSERT INTO resources (zone_id, id, identifier, scopes)
    VALUES ($1, $2, $3, '{a:read,a:write,shared}'), ($1, $4, $5, '{b:read,shared}')
  ), pol AS (
    INSERT INTO policies (zone_id, id, name) VALUES ($1, $6, $7)
  ), pol_version AS (
    INSERT INTO policy_versions (zone_id, id, policy_id, version, content, sha256, author)
    VALUES ($1, $8, $6, 1, $9, $10, 'admin key')
  ), pol_set AS (
    INSERT INTO policy_sets (zone_id, id, name) VALUES ($1, $11, $12)
  ), set_version AS (
    INSERT INTO policy_set_versions (zone_id, id, policy_set_id, version, manifest_sha256, author)
    VALUES ($1, $13, $11, 1, $14, 'admin key')
  ), member AS (
    INSERT INTO policy_set_members (zone_id, policy_set_version_id, policy_version_id) VALUES ($1, $13, $8)
  )
  UPDATE zones SET active_policy_set_version_id = $13, policy_activated_at = now() WHERE id = $1`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Makes a zone: through the API of operators, but for what {@link FURNISH} adds.
 *
 * @param policy what decides in it from the beginning: a valid text, since nobody looks at it. Where the activation is what
 *   is looked at, or the text is a long one, `activate` it
 */
export async function createTestZone(replica: Replica, policy = PERMIT_ALL): Promise<TestZone> {
  const must = async (method: string, path: string, body?: unknown) =>
    make(method, path, () => body);
  /** @param body is made for each try: what a 503 answers may have been done */
  const make = async (method: string, path: string, body: () => unknown) => {
    const answer = await persistently(() => callAdmin(replica, method, path, body()));
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const { id: zoneId, issuer } = await make('POST', '/zones', () => ({
    name: `zone ${randomUUID()}`,
  }));
  const admin = (method: string, path: string, body?: unknown) =>
    must(method, `/zones/${String(zoneId)}${path}`, body);
  const newClient = async (body: object = {}) => {
    const client = await admin('POST', '/clients', { name: `client ${randomUUID()}`, ...body });
    return { clientId: String(client['id']), secret: String(client['client_secret']) };
  };
  const activate = async (content: string) => {
    const made = await admin('POST', '/policies', { name: `policy ${randomUUID()}`, content });
    const set = await admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const version = await admin('POST', `/policy-sets/${String(set['id'])}/versions`, {
      policy_version_ids: [(made['version'] as { id: string }).id],
    });
    await admin('PUT', '/policy', { policy_set_version_id: version['id'] });
    return String(version['id']);
  };

  const resource = 'resource://a';
  const otherResource = 'resource://b';
  const name = `policy ${randomUUID()}`;
  const text = sha256(policy);
  // Ids one after the other, as lists have them.
  const resources = [uuidv7(), resource, uuidv7(), otherResource];
  const written = [uuidv7(), name, uuidv7(), policy, text];
  const manifest = sha256(JSON.stringify([[name, text]]));
  const active = [uuidv7(), `set ${randomUUID()}`, uuidv7(), manifest];
  await rows(replica.databaseUrl, FURNISH, [zoneId, ...resources, ...written, ...active]);
  const { clientId, secret } = await newClient();

  const ask = (at: Replica, parameters: Parameters, headers: Record<string, string> = {}) =>
    postForm(
      at.url,
      {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: secret,
        resource,
        scope: 'a:read',
        ...parameters,
      },
      headers,
    );
  const session: TestZone['session'] = (parameters = {}, headers) =>
    ask(replica, parameters, headers);
  const exchange = async (parameters: Parameters = {}, headers: Record<string, string> = {}) => {
    const subject =
      'subject_token' in parameters
        ? undefined
        : (await persistently(() => session())).body['access_token'];
    return postForm(
      replica.url,
      {
        grant_type: TOKEN_EXCHANGE,
        client_id: clientId,
        client_secret: secret,
        subject_token: subject === undefined ? undefined : String(subject),
        subject_token_type: ACCESS_TOKEN,
        resource,
        scope: 'a:read',
        ...parameters,
      },
      headers,
    );
  };
  return {
    replica,
    zoneId: String(zoneId),
    issuer: typeof issuer === 'string' ? issuer : INSTALLATION,
    clientId,
    secret,
    resource,
    otherResource,
    admin,
    newClient,
    activate,
    session,
    sessionAt: (at, parameters = {}) => ask(at, parameters),
    exchange,
    audit: (requestId) => auditOf(replica.databaseUrl, requestId),
  };
}

/** Our id of a request. Versions before this one have none but the caller's, or what stands in for it. */
export function requestIdIn(headers: Headers): string {
  return headers.get('mandate-request-id') ?? headers.get('x-request-id') ?? '';
}

/** Reads an answer. */
export async function readAnswer(response: Response): Promise<Answer> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  // A stream has no end to wait for.
  if (isStream) await response.body?.cancel();
  const text = isStream ? '' : await response.text();
  const isFile = /^(?:text\/plain|application\/(?:octet-stream|x-ndjson))/.test(
    response.headers.get('content-type') ?? '',
  );
  const body: unknown = text === '' || isFile ? {} : JSON.parse(text);
  return {
    status: response.status,
    headers: response.headers,
    body: typeof body === 'object' && body !== null ? { ...body } : {},
    requestId: requestIdIn(response.headers),
  };
}
