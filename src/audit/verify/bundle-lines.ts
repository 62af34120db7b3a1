import {
  InvalidJson,
  readStrictJson,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** The version of the form that bundles have: docs/evidence.md. */
export const BUNDLE_VERSION = 1;

/** The most bytes that a line may have. */
export const MOST_LINE_BYTES = 32 * 1024 * 1024;

/** One line of a bundle. Hashes are 32 bytes. */
export type BundleLine =
  | {
      readonly kind: 'bundle';
      readonly version: number;
      readonly zone: string;
      /** The names of the logs: that of the zone, and that of the installation. */
      readonly origin: string;
      readonly log: string;
      /** The leaves of which there are events: from the first one to before `end`. */
      readonly first: number;
      readonly end: number;
    }
  | { readonly kind: 'key'; readonly vkey: string }
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'consistency'; readonly from: number; readonly proof: readonly Buffer[] }
  | { readonly kind: 'tree'; readonly level: number; readonly hash: Buffer }
  | {
      readonly kind: 'event';
      readonly previousHash: string;
      readonly hash: string;
      readonly text: string;
    }
  | {
      readonly kind: 'checkpoint';
      readonly body: string;
      readonly leaf: number;
      readonly proof: readonly Buffer[];
    }
  | { readonly kind: 'end'; readonly lines: number };

/** Thrown for what is no bundle. The message is one sentence without a full stop. */
export class NoBundle extends Error {
  override readonly name = 'NoBundle';
}

const HASH = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** More hashes than any proof of a tree has whose leaves can be counted. */
const MOST_HASHES = 128;
const TOP_LEVEL = 52;

/** Reads a line of a bundle, without its newline. @throws {NoBundle} */
export function readBundleLine(text: string): BundleLine {
  const line = objectIn(text);
  switch (line['kind']) {
    case 'bundle':
      return {
        kind: 'bundle',
        version: number(line, 'version'),
        zone: matching(line, 'zone', UUID),
        origin: string(line, 'origin'),
        log: string(line, 'log'),
        first: number(line, 'first'),
        end: number(line, 'end'),
      };
    case 'key':
      return { kind: 'key', vkey: string(line, 'vkey') };
    case 'note':
      return { kind: 'note', note: string(line, 'note') };
    case 'consistency':
      return { kind: 'consistency', from: number(line, 'from'), proof: hashes(line, 'proof') };
    case 'tree':
      return {
        kind: 'tree',
        level: number(line, 'level', TOP_LEVEL),
        hash: Buffer.from(matching(line, 'hash', HASH), 'hex'),
      };
    case 'event':
      return {
        kind: 'event',
        previousHash: matching(line, 'previous_hash', HASH),
        hash: matching(line, 'hash', HASH),
        text: string(line, 'text'),
      };
    case 'checkpoint':
      return {
        kind: 'checkpoint',
        body: string(line, 'body'),
        leaf: number(line, 'leaf'),
        proof: hashes(line, 'proof'),
      };
    case 'end':
      return { kind: 'end', lines: number(line, 'lines') };
    default:
      throw new NoBundle('it is of no kind that bundles have');
  }
}

/** Writes a line of a bundle, with its newline. */
export function bundleLine(line: BundleLine): string {
  const { kind } = line;
  if (kind === 'event') {
    const { previousHash, hash, text } = line;
    return `${JSON.stringify({ kind, previous_hash: previousHash, hash, text })}\n`;
  }
  return `${JSON.stringify(line, (_name, value: unknown) => inHex(value))}\n`;
}

/** A hash as hex; `JSON.stringify` has made an object of it already. */
function inHex(value: unknown): unknown {
  const isBuffer =
    typeof value === 'object' && value !== null && Reflect.get(value, 'type') === 'Buffer';
  if (!isBuffer) return value;
  const bytes: unknown = Reflect.get(value, 'data');
  return Array.isArray(bytes) ? Buffer.from(bytes).toString('hex') : value;
}

function objectIn(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = readStrictJson(text);
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    throw new NoBundle(
      error.reason === 'not_json'
        ? 'it is not JSON'
        : `it is JSON with ${error.reason.replaceAll('_', ' ')}`,
    );
  }
  if (typeof value !== 'object' || value === null || isList(value)) {
    throw new NoBundle('it is not a JSON object');
  }
  return value;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function string(line: JsonObject, name: string): string {
  const value = line[name];
  if (typeof value !== 'string') throw new NoBundle(`its ${name} is not a string`);
  return value;
}

function matching(line: JsonObject, name: string, form: RegExp): string {
  const value = string(line, name);
  if (!form.test(value)) throw new NoBundle(`its ${name} has not the form that it must have`);
  return value;
}

function number(line: JsonObject, name: string, most: number = Number.MAX_SAFE_INTEGER): number {
  const value = line[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > most) {
    throw new NoBundle(`its ${name} is not a number from 0 to ${most}`);
  }
  return value;
}

function hashes(line: JsonObject, name: string): Buffer[] {
  const value = line[name];
  if (value === undefined || !isList(value) || value.length > MOST_HASHES) {
    throw new NoBundle(`its ${name} is not a list of at most ${MOST_HASHES} hashes`);
  }
  return value.map((hash) => {
    if (typeof hash === 'string' && HASH.test(hash)) return Buffer.from(hash, 'hex');
    throw new NoBundle(`its ${name} has something that is no hash`);
  });
}
