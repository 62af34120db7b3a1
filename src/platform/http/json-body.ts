import { HttpException } from '@nestjs/common';
import { raw, type Request, type Response } from 'express';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** The largest JSON body that is read. */
const LIMIT = '1mb';
const JSON_TYPE = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i;

const parseRaw = raw({ limit: LIMIT, type: () => true, inflate: false });

/**
 * Reads the body as the bytes that were sent, for a signature over them. {@link readJsonBody} then
 * goes on with these.
 *
 * @throws {HttpException} 413 for too large, 415 for any `Content-Encoding`
 */
export async function readSignedBytes(request: Request, response: Response): Promise<Buffer> {
  try {
    return (await readBytes(request, response)) ?? Buffer.alloc(0);
  } catch (error) {
    throw new HttpException(...describe(error));
  }
}

/**
 * Reads a JSON object into `request.body`, as strictly as the claims of a token. What is wrong with a
 * malformed one is said in our own words, since parsers quote the body, which may hold a secret.
 *
 * @throws {HttpException} 415 for another media type or any `Content-Encoding`, 413 for too large, 400
 */
export async function readJsonBody(request: Request, response: Response): Promise<void> {
  if (!hasBody(request)) return;
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new HttpException('the body must be application/json', 415);
  }
  try {
    const bytes = await readBytes(request, response);
    request.body = bytes === null ? undefined : parse(bytes);
  } catch (problem) {
    throw problem instanceof HttpException ? problem : new HttpException(...describe(problem));
  }
}

/** @returns `null` if there is none, or the caller has hung up */
function readBytes(request: Request, response: Response): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    parseRaw(request, response, (error?: unknown) => {
      const bytes: unknown = request.body;
      if (error === undefined) resolve(bytes instanceof Buffer ? bytes : null);
      else reject(error);
    });
  });
}

function hasBody(request: Request): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0
  );
}

function parse(bytes: Buffer): JsonObject {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = readStrictJson(text);
  if (!isJsonObject(value)) throw new InvalidJson('not_json');
  // class-transformer leaves them out silently, so nobody after this would know to refuse them.
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

function describe(error: unknown): [string, number] {
  const status: unknown = error instanceof Error ? Reflect.get(error, 'status') : undefined;
  if (status === 413) return ['the body is too large', 413];
  if (status === 415) return ['this encoding is not supported', 415];
  if (error instanceof InvalidJson && error.reason !== 'not_json') {
    return [`the body is not acceptable JSON: ${error.reason}`, 400];
  }
  return ['the body is not a JSON object', 400];
}
