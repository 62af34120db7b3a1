import type { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';

/** Looks at a request, and throws what it is refused with. */
export type Check = (request: Request, response: Response) => unknown;

/**
 * Puts the checks of guarded routes also before the answers for what is no route below the same path (404,
 * 405, and 400 for an identifier that cannot be decoded), so that strangers cannot tell them apart. To be
 * called in `onModuleInit`: after the routes are there, and before those answers.
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
