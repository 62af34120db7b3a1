import type { Answer } from './zone.js';
import { requestIdIn } from './zone.js';

/** A client and its secret. */
export interface Credentials {
  readonly clientId: string;
  readonly secret: string;
}

/** How an introspection is sent: by the client's secret as Basic, at the endpoint of all zones, unless told otherwise. */
export interface IntrospectionOptions {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, with its text as it came. */
export interface IntrospectionReply extends Answer {
  readonly text: string;
}

/** The header of a client that authenticates by its secret. */
export function basic({ clientId, secret }: Credentials): Record<string, string> {
  return {
    authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
  };
}

/** Introspects a token, by the form. */
export function introspect(
  url: string,
  token: string,
  caller: Credentials | null,
  { path = '/oauth/2/introspect', headers = {} }: IntrospectionOptions = {},
): Promise<IntrospectionReply> {
  return send(`${url}${path}`, new URLSearchParams({ token }), {
    ...(caller === null ? {} : basic(caller)),
    ...headers,
  });
}

/** Introspects a list of tokens, by JSON. */
export function introspectAll(
  url: string,
  body: object,
  caller: Credentials | null,
  { path = '/oauth/2/introspect', headers = {} }: IntrospectionOptions = {},
): Promise<IntrospectionReply> {
  return send(`${url}${path}`, JSON.stringify(body), {
    'content-type': 'application/json',
    ...(caller === null ? {} : basic(caller)),
    ...headers,
  });
}

async function send(
  url: string,
  body: URLSearchParams | string,
  headers: Record<string, string>,
): Promise<IntrospectionReply> {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
    requestId: requestIdIn(response.headers),
    text,
  };
}
