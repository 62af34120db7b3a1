import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import {
  activeTrace,
  inSpan,
  SpanKind,
  type Attributes,
  type RecordedSpan,
} from '../tracing/spans.js';
import { traceHeaders } from '../tracing/trace-context.js';
import { readFetchUrl, refusedAddresses, timeoutUnder, type FetchRules } from './fetch-rules.js';

/** Thrown when nothing usable could be fetched. The message is for the log. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
}

/** An outbound request without its URL. */
export interface Outbound {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Milliseconds for all of it: name, connection, answer; unless a policy says otherwise. */
  readonly timeoutMs: number;
}

/**
 * Sends a request to a URL that a caller chose (protection against SSRF): https, no private network, no
 * redirects, a time limit. The name is resolved here, and the connection goes to the very addresses that
 * were checked, so that a name that resolves differently the next time (DNS rebinding) leads nowhere else.
 *
 * @param text the URL
 * @param read reads the answer
 * @returns what was read, when the connection is closed: who counts requests by what has returned counts connections
 * @throws {FetchFailed} what `read` throws is its cause
 */
export async function guardedRequest<T>(
  text: string,
  rules: FetchRules,
  outbound: Outbound,
  read: (response: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  const url = readFetchUrl(text, rules);
  if (typeof url === 'string') throw new FetchFailed(url);
  return inSpan(
    outbound.method,
    (span) => sendAndRead(url, rules, outbound, read, span),
    serverOf(url, outbound.method),
    SpanKind.CLIENT,
  );
}

async function sendAndRead<T>(
  url: URL,
  rules: FetchRules,
  outbound: Outbound,
  read: (response: IncomingMessage) => T | Promise<T>,
  span: RecordedSpan | null,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutUnder(rules, outbound.timeoutMs));
  const connections: Socket[] = [];
  try {
    const addresses = await resolve(url.hostname, timeout);
    const refused = refusedAddresses(
      addresses.map(({ address }) => address),
      rules,
    );
    if (refused !== null) throw new FetchFailed(refused);
    const response = await within(timeout, send(url, addresses, outbound, timeout, connections));
    span?.set({ 'http.response.status_code': response.statusCode ?? 0 });
    try {
      return await read(response);
    } finally {
      response.destroy();
    }
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    if (timeout.aborted) throw new FetchFailed('it took too long', { cause: error });
    throw new FetchFailed('it did not work', { cause: error });
  } finally {
    await Promise.all(connections.map(closed));
  }
}

/** What a span says of a request to another server: neither its path nor its query, which may be secrets. */
function serverOf({ hostname, port, protocol }: URL, method: string): Attributes {
  return {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

/** Cuts a connection, whatever is still going on there, and waits until it is gone. */
function closed(connection: Socket): Promise<void> {
  return new Promise((fulfil) => {
    if (connection.closed) fulfil();
    else connection.once('close', () => fulfil()).destroy();
  });
}

interface Address {
  readonly address: string;
  readonly family: number;
}

/**
 * The addresses that a request to a host would go to.
 *
 * @param hostname as URLs have it
 * @param signal ends the wait for a resolver
 * @throws {Error} if the name cannot be resolved in time, or has none
 */
export async function resolve(hostname: string, signal: AbortSignal): Promise<Address[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(literal);
  if (family !== 0) return [{ address: literal, family }];
  const addresses = await within(signal, lookup(hostname, { all: true }));
  if (addresses.length === 0) throw new FetchFailed('the name has no address');
  return addresses;
}

/** `result`, or a rejection when the signal aborts first. Resolving a name cannot be cancelled, only left alone. */
function within<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  return new Promise((fulfil, reject) => {
    const giveUp = (): void => reject(new FetchFailed('it took too long'));
    signal.addEventListener('abort', giveUp, { once: true });
    result.then(fulfil, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

function send(
  url: URL,
  addresses: readonly Address[],
  { method, headers, body }: Outbound,
  signal: AbortSignal,
  connections: Socket[],
) {
  return new Promise<IncomingMessage>((fulfil, reject) => {
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = make(url, {
      method,
      // A new connection: a kept one might have been made to another address.
      agent: false,
      headers: {
        ...headers,
        ...traceHeaders(activeTrace()),
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
      lookup: answering(addresses),
      signal,
    });
    request.on('socket', (connection) => connections.push(connection));
    request.on('response', fulfil).on('error', reject).end(body);
  });
}

/** A DNS lookup that resolves every name to the checked addresses. */
function answering(addresses: readonly Address[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first = { address: '', family: 0 }] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}
