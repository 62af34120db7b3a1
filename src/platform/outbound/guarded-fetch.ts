import type { IncomingMessage } from 'node:http';
import { InvalidJson, readStrictJson, type JsonValue } from '../../oauth/strict-json.js';
import { FetchFailed, guardedRequest } from './guarded-request.js';
import { bytesUnder, type FetchRules } from './fetch-rules.js';

/** A JSON answer. */
export interface Fetched {
  readonly value: JsonValue;
  /** `max-age` (RFC 9111 5.2.2.1); 0 for `no-store` and `no-cache`; `null` if neither is given. */
  readonly maxAgeSeconds: number | null;
}

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 64 * 1024;
const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json *(?:;|$)/i;
const HEADERS = {
  accept: 'application/jwk-set+json, application/json',
  'accept-encoding': 'identity',
};

/**
 * Fetches JSON from a URL that a caller chose, as {@link guardedRequest} does: within 2 s, 64 KiB at most, unless a
 * policy says otherwise.
 *
 * @throws {FetchFailed} also for a status other than 200, another media type, and JSON that is not strict
 */
export function guardedFetch(text: string, rules: FetchRules): Promise<Fetched> {
  const outbound = { method: 'GET', headers: HEADERS, timeoutMs: TIMEOUT_MS } as const;
  return guardedRequest(text, rules, outbound, async (response) => ({
    value: await readJson(response, bytesUnder(rules, MAX_BYTES)),
    maxAgeSeconds: maxAgeOf(response),
  }));
}

/**
 * Reads an answer that has to be JSON.
 *
 * @param most bytes
 * @throws {FetchFailed} as {@link guardedFetch} does
 */
export async function readJson(response: IncomingMessage, most: number): Promise<JsonValue> {
  const { statusCode, headers } = response;
  if (statusCode !== 200) throw new FetchFailed(`the answer was ${statusCode}`);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new FetchFailed('the answer is encoded');
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw new FetchFailed('it is not JSON');
  return parse(await readBytes(response, most));
}

/**
 * Reads an answer.
 *
 * @param most bytes
 * @throws {FetchFailed} if there are more
 */
export async function readBytes(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) throw new FetchFailed('the answer is not in bytes');
    size += chunk.length;
    if (size > most) throw new FetchFailed('the answer is too large');
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
