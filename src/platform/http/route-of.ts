import type { Request } from 'express';

/** The word for requests that match no route. */
export const NO_ROUTE = 'none';

/**
 * The template of the route of a request, such as `/step-up/:id`, for logs and metrics. Never the path: callers
 * choose paths, and what they put into one may be a secret.
 *
 * @returns {@link NO_ROUTE} for a request that matched none (yet)
 */
export function routeOf(request: Request): string {
  const route: unknown = request.route;
  const path: unknown =
    typeof route === 'object' && route !== null ? Reflect.get(route, 'path') : undefined;
  return typeof path === 'string' ? path : NO_ROUTE;
}
