import { HttpException } from '@nestjs/common';
import { json, type NextFunction, type Request, type Response } from 'express';

/** The largest JSON body that is read. */
const LIMIT = '1mb';

const parse = json({ limit: LIMIT, strict: true, type: 'application/json', inflate: false });

/**
 * Reads a JSON body. What is wrong with a malformed one is said in our own words, since the
 * parser's quote the body, which may hold a secret.
 */
export function readJsonBody(request: Request, response: Response, next: NextFunction): void {
  if (hasBody(request) && request.is('application/json') === false) {
    next(new HttpException('the body must be application/json', 415));
    return;
  }
  parse(request, response, (error?: unknown) => {
    if (error === undefined) next();
    else next(new HttpException(...describe(error)));
  });
}

function hasBody(request: Request): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0
  );
}

function describe(error: unknown): [string, number] {
  const status: unknown = error instanceof Error ? Reflect.get(error, 'status') : undefined;
  if (status === 413) return ['the body is too large', 413];
  if (status === 415) return ['this encoding is not supported', 415];
  return ['the body is not valid JSON', 400];
}
