import type { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { allowedMethods } from './allowed-methods.js';

/** A check of a request before it is routed; throws what the request is refused with. */
export type Check = (request: Request, response: Response) => unknown;

/** The paths of guarded routes, and what guards them. */
export interface GuardedPaths {
  /** As Express takes them; everything below them is meant, too. */
  readonly paths: string | readonly string[];
  /** Whether there is anything below them at all; there is if absent. */
  readonly exist?: () => boolean;
  /** Run one after the other. */
  readonly checks: readonly Check[];
}

/**
 * Runs the checks of guarded routes for requests that match no route below the same paths as well, before
 * they are answered (404, and 400 for a parameter that cannot be decoded): without credentials, what is
 * there cannot be told from what is not. Only a method that a route does not have is said before (405), as
 * routes are no secret. To be called in `onModuleInit`: after the routes are registered, and before those answers are.
 */
export function guardUnknownRoutes(
  { httpAdapter }: HttpAdapterHost,
  { paths, exist = () => true, checks }: GuardedPaths,
): void {
  // Commands have no HTTP.
  httpAdapter?.use(paths, checkUnknown(checks, exist));
  httpAdapter?.use(paths, checkUndecodable(checks));
}

function checkUnknown(checks: readonly Check[], exist: () => boolean) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    // A route that has the method would have answered.
    const isRoute = exist() && allowedMethods(request).length > 0;
    for (const check of isRoute ? [] : checks) await check(request, response);
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
