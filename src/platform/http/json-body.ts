import { HttpException } from '@nestjs/common';
import type { Request } from 'express';
import { hasBody, readBody } from './body.js';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** The largest JSON body that is read, in bytes. */
const MAX_BYTES = 1_024 * 1_024;
/** The largest that is read before it is known who sends it. */
const MAX_SIGNED_BYTES = 16 * 1_024;
const JSON_TYPE = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i;
/** What a PATCH says in JSON is a merge patch (RFC 7396), whether or not it is called so. */
const MERGE_PATCH_TYPE = /^application\/merge-patch\+json *(?:; *charset *= *"?utf-8"? *)?$/i;

/**
 * Reads the body as the bytes that were sent, for a signature over them. {@link readJsonBody} then
 * goes on with these.
 *
 * @throws {HttpException} 413 for more than 16 KiB, 415 for any `Content-Encoding`, 400 if it does not arrive
 */
export async function readSignedBytes(request: Request): Promise<Buffer> {
  refuseEncodings(request);
  return readBody(request, MAX_SIGNED_BYTES);
}

/**
 * Reads a JSON object into `request.body`, as strictly as the claims of a token. What is wrong with a
 * malformed one is said in our own words, since parsers quote the body, which may hold a secret.
 *
 * @throws {HttpException} 415 for another media type or any `Content-Encoding`, 413 for too large, 400
 */
export async function readJsonBody(request: Request): Promise<void> {
  if (!hasBody(request)) return;
  const type = request.headers['content-type'] ?? '';
  if (!JSON_TYPE.test(type) && !(request.method === 'PATCH' && MERGE_PATCH_TYPE.test(type))) {
    throw new HttpException('the body must be application/json', 415);
  }
  refuseEncodings(request);
  const bytes = await readBody(request, MAX_BYTES);
  try {
    request.body = parse(bytes);
  } catch (problem) {
    throw problem instanceof HttpException ? problem : new HttpException(describe(problem), 400);
  }
}

function refuseEncodings({ headers }: Request): void {
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity') return;
  throw new HttpException('this encoding is not supported', 415);
}

function parse(bytes: Buffer): JsonObject {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = readStrictJson(text);
  if (!isJsonObject(value)) throw new InvalidJson('not_json');
  // class-transformer leaves them out silently, so no later check would know to refuse them.
  if (hasInheritedName(value)) {
    throw new HttpException('members that every object has should not exist', 400);
  }
  return value;
}

/** Whether a member, however deep, is called like one that every object inherits. */
function hasInheritedName(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, member]) => name in Object.prototype || hasInheritedName(member),
  );
}

function describe(error: unknown): string {
  return error instanceof InvalidJson && error.reason !== 'not_json'
    ? `the body is not acceptable JSON: ${error.reason}`
    : 'the body is not a JSON object';
}
