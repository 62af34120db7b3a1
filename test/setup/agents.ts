import { type Answer, type Parameters, type TestZone } from './zone.js';

/** An application of a test zone, as it works with agents: everything is valid by default. */
export interface TestApplication {
  readonly clientId: string;
  readonly secret: string;
  /** A session mandate of its own. */
  bearer(parameters?: Parameters): Promise<string>;
  /** Calls a route of applications with a session mandate, with a new one by default. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** Opens an agent session and returns its id. */
  open(body?: object): Promise<string>;
  /** Delegates, and returns the id of the edge. */
  delegate(source: string, target: string, body?: object): Promise<string>;
  accept(edge: string): Promise<void>;
  /** Exchanges a session mandate for a resource mandate. */
  exchange(parameters?: Parameters): Promise<Answer>;
}

export interface CallOptions {
  /** Where to ask, if not at the zone's own replica. */
  readonly url?: string;
  /** `null` for none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

async function made(answer: Promise<Answer>): Promise<string> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return String(body['id']);
}

/** An application that is a client of a zone. */
export async function applicationOf(
  zone: TestZone,
  client?: { clientId: string; secret: string },
): Promise<TestApplication> {
  const { clientId, secret } = client ?? (await zone.newClient());
  const credentials = { client_id: clientId, client_secret: secret };
  const bearer = async (parameters: Parameters = {}): Promise<string> => {
    const answer = await zone.session({
      resource: [zone.resource, zone.otherResource],
      scope: 'shared',
      ...credentials,
      ...parameters,
    });
    return tokenOf(answer);
  };
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<Answer> => {
    const token = options.token === undefined ? await bearer() : options.token;
    const response = await fetch(`${options.url ?? zone.replica.url}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      requestId: response.headers.get('x-request-id') ?? '',
    };
  };
  return {
    clientId,
    secret,
    bearer,
    call,
    open: (body = {}) => made(call('POST', '/agent-sessions', { lifecycle: 'task', ...body })),
    delegate: (source, target, body = {}) =>
      made(
        call('POST', '/delegations', {
          source_session_id: source,
          target_session_id: target,
          scopes: ['shared'],
          ...body,
        }),
      ),
    accept: async (edge) => {
      await made(call('POST', `/delegations/${edge}/accept`));
    },
    exchange: async (parameters = {}) =>
      zone.exchange({
        ...('subject_token' in parameters ? {} : { subject_token: await bearer() }),
        scope: undefined,
        ...credentials,
        ...parameters,
      }),
  };
}

/** The token of an answer that has one. */
export function tokenOf({ status, body }: Answer): string {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return String(body['access_token']);
}
