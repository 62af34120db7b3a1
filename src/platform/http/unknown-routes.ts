import type { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';

/** A check of a request before it is routed; throws what the request is refused with. */
export type Check = (request: Request, response: Response) => unknown;

/**
 * Runs the checks of guarded routes for requests that match no route below the same paths as well, before
 * they are answered (404, 405, and 400 for a parameter that cannot be decoded): without credentials, what is
 * there cannot be told from what is not. To be called in `onModuleInit`: after the routes are registered, and
 * before those answers are.
 *
 * @param paths as Express takes them; everything below them is meant, too
 * @param checks run one after the other
 */
export function guardUnknownRoutes(
  { httpAdapter }: HttpAdapterHost,
  paths: string | readonly string[],
  ...checks: readonly Check[]
): void {
  // Commands have no HTTP.
  httpAdapter?.use(paths, checkUnknown(checks));
  httpAdapter?.use(paths, checkUndecodable(checks));
}

function checkUnknown(checks: readonly Check[]) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    for (const check of checks) await check(request, response);
    next();
  };
}

function checkUndecodable(checks: readonly Check[]) {
  return async (
    error: unknown,
    request: Request,
    response: Response,
    next: NextFunction,
  ): Promise<void> => {
    // Anything else was refused before there was a route to look for.
    for (const check of error instanceof URIError ? checks : []) await check(request, response);
    next(error);
  };
}
