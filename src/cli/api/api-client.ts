import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../oauth/strict-json.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { Connection } from './connection.js';
import { isObject, listOf, objectOf, textOf } from './json.js';
import { outOfReach } from './out-of-reach.js';
import { Refusal, refusalOf } from './refusal.js';

/** What operators' routes answered. */
export interface Answer {
  readonly status: number;
  /** JSON, parsed; `undefined` if there is none. */
  readonly body: unknown;
  /** The entity tag of what is shown; `null` if it has none. */
  readonly etag: string | null;
}

/** A request beside its method and path. */
export interface Asked {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** What is sent as JSON. */
  readonly body?: unknown;
  /** The entity tag that what is to be changed must have. */
  readonly ifMatch?: string | undefined;
}

/** What of the surroundings a client uses; those of the process unless a test gives others. */
export interface Surroundings {
  readonly fetch: typeof fetch;
  /** Waits. @param seconds for how long */
  readonly wait: (seconds: number) => Promise<unknown>;
  /** Tells that a busy server is asked again. */
  readonly onWait: (seconds: number) => void;
  /** How often a busy server is asked. */
  readonly tries: number;
  /** Milliseconds within which an answer has to be there. */
  readonly patience: number;
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** How often a busy server is asked. */
const MOST_TRIES = 5;

/** The most seconds between two tries, whatever `Retry-After` says. */
const LONGEST_WAIT = 15;

/** Milliseconds within which an answer has to be there; policy work and large removals take some. */
const PATIENCE = 120_000;

/** How many rows of a list are asked for at once: the most that there may be. */
const PAGE = 500;

/** What Mandate says where it has no route: at its public port, where operators' routes are at another. */
const NO_ROUTE = 'no such route';

const OTHER_ADDRESS =
  "is it the address of operators' routes? Where INTERNAL_PORT is set they are there only";

const OF_PROCESS: Surroundings = {
  fetch: (...args) => fetch(...args),
  wait: (seconds) => pause(seconds * 1000),
  onWait: () => {},
  tries: MOST_TRIES,
  patience: PATIENCE,
};

/** Asks operators' routes of one installation, as one operator. */
export class ApiClient {
  private readonly surroundings: Surroundings;

  constructor(
    private readonly connection: Connection,
    surroundings: Partial<Surroundings> = {},
  ) {
    this.surroundings = { ...OF_PROCESS, ...surroundings };
  }

  /**
   * Asks for one thing. A server that is busy (429, 503) is asked again, a bounded number of times; what changes
   * something has an `Idempotency-Key`, so that it happens once.
   *
   * @param path below `/internal`, percent-encoded
   * @throws {Refusal} for an answer that is no success
   * @throws {CommandFailure} if there is no answer
   */
  async request(
    method: Method,
    path: string,
    { query = {}, body, ifMatch }: Asked = {},
  ): Promise<Answer> {
    const url = this.urlOf(path, query);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.connection.token}`,
      Accept: 'application/json',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
      ...(method === 'GET' ? {} : { 'Idempotency-Key': randomUUID() }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    for (let tried = 1; ; tried += 1) {
      const response = await this.send(url, init);
      const busy = response.status === 429 || response.status === 503;
      if (!busy || tried === this.surroundings.tries)
        return this.read(response, `${method} ${url.pathname}`);
      await response.body?.cancel();
      const seconds = Math.min(retryAfter(response) ?? tried, LONGEST_WAIT);
      this.surroundings.onWait(seconds);
      await this.surroundings.wait(seconds);
    }
  }

  /** Gets one thing. @throws as {@link request} */
  get(path: string, query: Asked['query'] = {}): Promise<Answer> {
    return this.request('GET', path, { query });
  }

  /** All of a list, page for page. @throws as {@link request} */
  async *pages(path: string, query: Asked['query'] = {}): AsyncGenerator<readonly JsonObject[]> {
    let after: string | undefined;
    do {
      const { body } = await this.get(path, { limit: String(PAGE), ...query, after });
      const page = objectOf(body);
      yield listOf(page['items']).filter(isObject);
      after = textOf(page, 'next') || undefined;
    } while (after !== undefined);
  }

  /**
   * Reads what everybody may, such as a picture. Nobody is told who asks.
   *
   * @param most the most bytes that are read
   * @returns `null` if it is not there, out of reach, or larger
   */
  async download(url: string, most: number): Promise<Buffer | null> {
    const { fetch, patience } = this.surroundings;
    try {
      const signal = AbortSignal.timeout(patience);
      const response = await fetch(url, { redirect: 'manual', signal });
      if (!response.ok) {
        await response.body?.cancel();
        return null;
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      // To return from within ends the answer.
      for await (const chunk of response.body ?? []) {
        size += chunk.length;
        if (size > most) return null;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch {
      return null;
    }
  }

  /**
   * Asks for what comes as long as it comes: only its beginning has to be there in time. Asked once.
   *
   * @param headers beside those of each request
   * @throws as {@link request}
   */
  async open(
    path: string,
    query: Asked['query'] = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const url = this.urlOf(path, query);
    const authorization = `Bearer ${this.connection.token}`;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.surroundings.patience);
    const init = { method: 'GET', headers: { Authorization: authorization, ...headers } };
    const response = await this.send(url, init, late.signal).finally(() => clearTimeout(timer));
    if (!response.ok || response.body === null) {
      await this.read(response, `GET ${url.pathname}`);
      throw new CommandFailure(EXIT.impossible, `${url.pathname} answered nothing`);
    }
    return response.body;
  }

  private urlOf(path: string, query: NonNullable<Asked['query']>): URL {
    const url = new URL(`${this.connection.url}/internal/${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url;
  }

  private async send(
    url: URL,
    init: RequestInit,
    signal = AbortSignal.timeout(this.surroundings.patience),
  ): Promise<Response> {
    const { fetch } = this.surroundings;
    try {
      // To follow would give the token to somebody else.
      return await fetch(url, { ...init, redirect: 'manual', signal });
    } catch (error) {
      throw outOfReach(error, this.connection, init.method !== 'GET');
    }
  }

  private async read(response: Response, what: string): Promise<Answer> {
    const text = await response.text().catch((error: unknown) => {
      throw outOfReach(error, this.connection, !what.startsWith('GET '));
    });
    const { status } = response;
    const body = text === '' ? undefined : parse(text);
    if (response.ok && body !== null) return { status, body, etag: response.headers.get('ETag') };
    const { url, from } = this.connection;
    if (isObject(body) && status === 404 && textOf(body, 'error_description') === NO_ROUTE) {
      const said = `${url} (from ${from}) has no route ${what}`;
      throw new Refusal(status, textOf(body, 'error'), EXIT.impossible, said, OTHER_ADDRESS);
    }
    if (isObject(body)) throw refusalOf(status, body, what);
    if (status >= 500) throw refusalOf(status, undefined, what);
    const location = response.headers.get('Location');
    throw new CommandFailure(
      EXIT.impossible,
      location === null || status >= 400
        ? `what answers at ${url} (from ${from}) is not Mandate: ${what} got ${status}`
        : `${url} (from ${from}) sends elsewhere, to ${location}`,
      OTHER_ADDRESS,
    );
  }
}

/** JSON, parsed; `null` for what is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The seconds of `Retry-After`, if it says seconds (RFC 9110 10.2.3). */
function retryAfter(response: Response): number | null {
  const value = response.headers.get('Retry-After') ?? '';
  return /^[0-9]{1,6}$/.test(value) ? Number(value) : null;
}
