import { randomUUID } from 'node:crypto';
import { auditOf, type AuditRow } from './databases.js';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';

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

/** A zone with a client, two resources and a policy that permits everything. */
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

/** Makes a zone through the API of operators. */
export async function createTestZone(replica: Replica): Promise<TestZone> {
  const must = async (method: string, path: string, body?: unknown) => {
    const answer = await persistently(() => callAdmin(replica, method, path, body));
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const { id: zoneId, issuer } = await must('POST', '/zones', { name: `zone ${randomUUID()}` });
  const admin = (method: string, path: string, body?: unknown) =>
    must(method, `/zones/${String(zoneId)}${path}`, body);
  const newClient = async (body: object = {}) => {
    const client = await admin('POST', '/clients', { name: `client ${randomUUID()}`, ...body });
    return { clientId: String(client['id']), secret: String(client['client_secret']) };
  };
  const activate = async (content: string) => {
    const policy = await admin('POST', '/policies', { name: `policy ${randomUUID()}`, content });
    const set = await admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const version = await admin('POST', `/policy-sets/${String(set['id'])}/versions`, {
      policy_version_ids: [(policy['version'] as { id: string }).id],
    });
    await admin('PUT', '/policy', { policy_set_version_id: version['id'] });
    return String(version['id']);
  };

  const resource = 'resource://a';
  const otherResource = 'resource://b';
  await admin('POST', '/resources', {
    identifier: resource,
    scopes: ['a:read', 'a:write', 'shared'],
  });
  await admin('POST', '/resources', { identifier: otherResource, scopes: ['b:read', 'shared'] });
  const { clientId, secret } = await newClient();
  await activate(PERMIT_ALL);

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
