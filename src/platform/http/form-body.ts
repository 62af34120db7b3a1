import { HttpException } from '@nestjs/common';
import type { Request } from 'express';

/** The largest form that is read, in bytes. */
const MAX_BYTES = 64 * 1024;
const FORM = /^application\/x-www-form-urlencoded *(?:; *charset *= *(?:utf-8|"utf-8") *)?$/i;

/**
 * The bytes of a form body as they were sent: lenient parsers guess, and signatures are over bytes.
 *
 * @throws {HttpException} 415 for another media type or any `Content-Encoding`, 413 for more than 64 KiB, 400 if
 *   the body does not arrive
 */
export async function readFormBody(request: Request): Promise<Buffer> {
  // Of several Node would take the first, and a proxy in front may have taken the last.
  const [type = '', ...others] = request.headersDistinct['content-type'] ?? [];
  if (!FORM.test(type) || others.length > 0) {
    throw new HttpException('the body must be application/x-www-form-urlencoded', 415);
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new HttpException('no Content-Encoding is supported', 415);
  }
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLarge(request);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      const part: Buffer = chunk;
      bytes += part.length;
      if (bytes > MAX_BYTES) throw tooLarge(request);
      chunks.push(part);
    }
  } catch (error) {
    if (error instanceof HttpException) throw error;
    throw new HttpException('the body did not arrive', 400, { cause: error });
  }
  return Buffer.concat(chunks);
}

/** 413. The rest of the body is not read, so the connection is closed. */
function tooLarge(request: Request): HttpException {
  request.res?.setHeader('Connection', 'close');
  return new HttpException('the body is too large', 413);
}
