import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { InvalidJson, readStrictJson, type JsonValue } from '../oauth/strict-json.js';
import { mayConnectTo } from './address-rules.js';

/** Whom we may ask. */
export interface FetchRules {
  /** Also `http:`, for development. */
  readonly allowInsecure: boolean;
  /** Also addresses of private networks and of this machine. */
  readonly allowPrivate: boolean;
}

/** What was fetched. */
export interface Fetched {
  readonly value: JsonValue;
  /** `max-age` (RFC 9111 5.2.2.1), 0 if it must not be kept; `null` if nothing is said about it. */
  readonly maxAgeSeconds: number | null;
}

/** Nothing usable could be fetched. The message is for the log. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
}

/** Milliseconds for all of it: name, connection, answer. */
const TIMEOUT_MS = 2_000;
const MAX_BYTES = 64 * 1024;
const MAX_URL_LENGTH = 2_000;
const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json *(?:;|$)/i;

/**
 * Whether a URL is one that we would fetch, as far as can be told without asking for its name.
 *
 * @returns the URL, or what is wrong with it
 */
export function readFetchUrl(text: string, { allowInsecure }: FetchRules): URL | string {
  if (text.length > MAX_URL_LENGTH || !/^[!-~]+$/.test(text)) return 'it is no URL';
  if (!URL.canParse(text)) return 'it is no URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowInsecure && url.protocol === 'http:')) {
    return 'it is not https';
  }
  if (url.username !== '' || url.password !== '') return 'there are credentials in it';
  if (url.hash !== '') return 'there is a fragment in it';
  return url;
}

/**
 * Fetches JSON from an address that somebody else chose, as far as that is safe: https, not from a
 * private network, no redirects, not long, not much. The name is resolved here, and the connection goes
 * to the very addresses that were checked, so that a name that changes its mind leads nowhere else.
 *
 * @throws {FetchFailed}
 */
export async function guardedFetch(text: string, rules: FetchRules): Promise<Fetched> {
  const url = readFetchUrl(text, rules);
  if (typeof url === 'string') throw new FetchFailed(url);
  const patience = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const addresses = await within(patience, resolve(url.hostname));
    if (!addresses.every(({ address }) => mayConnectTo(address, rules.allowPrivate))) {
      throw new FetchFailed('the name leads to an address that is not allowed');
    }
    const response = await within(patience, get(url, addresses, patience));
    return { value: await readJson(response), maxAgeSeconds: maxAgeOf(response) };
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    if (patience.aborted) throw new FetchFailed('it took too long', { cause: error });
    throw new FetchFailed('it did not work', { cause: error });
  }
}

interface Address {
  readonly address: string;
  readonly family: number;
}

async function resolve(hostname: string): Promise<Address[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(literal);
  if (family !== 0) return [{ address: literal, family }];
  const addresses = await lookup(hostname, { all: true });
  if (addresses.length === 0) throw new FetchFailed('the name has no address');
  return addresses;
}

/** A name that is being resolved cannot be given up on, but nobody has to wait for it. */
function within<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  return new Promise((fulfil, reject) => {
    const giveUp = (): void => reject(new FetchFailed('it took too long'));
    signal.addEventListener('abort', giveUp, { once: true });
    result.then(fulfil, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

function get(url: URL, addresses: readonly Address[], signal: AbortSignal) {
  return new Promise<IncomingMessage>((fulfil, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      // A connection of its own: one that is kept might have been made to another address.
      agent: false,
      headers: {
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
      },
      lookup: answering(addresses),
      signal,
    });
    request.on('response', fulfil).on('error', reject).end();
  });
}

/** Resolves every name to what was checked. */
function answering(addresses: readonly Address[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first = { address: '', family: 0 }] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

async function readJson(response: IncomingMessage): Promise<JsonValue> {
  try {
    const { statusCode, headers } = response;
    if (statusCode !== 200) throw new FetchFailed(`the answer was ${statusCode}`);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new FetchFailed('the answer is encoded');
    if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw new FetchFailed('it is not JSON');
    return parse(await readBytes(response));
  } finally {
    response.destroy();
  }
}

async function readBytes(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) throw new FetchFailed('the answer is not in bytes');
    size += chunk.length;
    if (size > MAX_BYTES) throw new FetchFailed('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): JsonValue {
  try {
    return readStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof InvalidJson || error instanceof TypeError) {
      throw new FetchFailed('it is not JSON', { cause: error });
    }
    throw error;
  }
}

function maxAgeOf({ headers }: IncomingMessage): number | null {
  const directives = (headers['cache-control'] ?? '').toLowerCase();
  if (/(?:^|[, ])(?:no-store|no-cache)(?:[, ]|$)/.test(directives)) return 0;
  const [, seconds] = /(?:^|[, ])max-age="?([0-9]{1,9})(?![0-9])/.exec(directives) ?? [];
  return seconds === undefined ? null : Number(seconds);
}
