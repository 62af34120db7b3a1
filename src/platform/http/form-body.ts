import { HttpException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { readBody } from './body.js';

const FORM = /^application\/x-www-form-urlencoded *(?:; *charset *= *(?:utf-8|"utf-8") *)?$/i;

/**
 * The bytes of a form body as they were sent: lenient parsers guess, and signatures are over bytes.
 *
 * @param maxBytes the largest form that is read
 * @throws {HttpException} 415 for another media type or any `Content-Encoding`, 413 for too large, 400 if the body
 *   does not arrive
 */
export async function readFormBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  // Of several Node would take the first, and a proxy in front may have taken the last.
  const [type = '', ...others] = request.headersDistinct['content-type'] ?? [];
  if (!FORM.test(type) || others.length > 0) {
    throw new HttpException('the body must be application/x-www-form-urlencoded', 415);
  }
  refuseEncodings(request);
  return readBody(request, maxBytes);
}

const JSON_TYPE = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i;

/**
 * The bytes of a body that is either a form or JSON, as they were sent, and which of them it is said to be.
 *
 * @param maxBytes the largest of each that is read
 * @throws {HttpException} as {@link readFormBody}
 */
export async function readFormOrJsonBody(
  request: IncomingMessage,
  maxBytes: { readonly form: number; readonly json: number },
): Promise<{ readonly body: Buffer; readonly isJson: boolean }> {
  const [type = '', ...others] = request.headersDistinct['content-type'] ?? [];
  if (others.length > 0 || !JSON_TYPE.test(type)) {
    return { body: await readFormBody(request, maxBytes.form), isJson: false };
  }
  refuseEncodings(request);
  return { body: await readBody(request, maxBytes.json), isJson: true };
}

function refuseEncodings({ headers }: IncomingMessage): void {
  if (headers['content-encoding'] === undefined) return;
  throw new HttpException('no Content-Encoding is supported', 415);
}
