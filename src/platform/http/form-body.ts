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
  if (request.headers['content-encoding'] !== undefined) {
    throw new HttpException('no Content-Encoding is supported', 415);
  }
  return readBody(request, maxBytes);
}
