import type { IncomingMessage } from 'node:http';
import { KeptOn } from '../kept-on.js';

/** The word for requests that match no route. */
export const NO_ROUTE = 'none';

const directRoutes = new KeptOn<string>('route');

/** Notes the template of the route of a request that is answered in front of the framework. */
export function setRoute(request: IncomingMessage, template: string): void {
  directRoutes.set(request, template);
}

/**
 * The template of the route of a request, such as `/step-up/:id`, for logs and metrics. Never the path: callers
 * choose paths, and what they put into one may be a secret.
 *
 * @returns {@link NO_ROUTE} for a request that matched none (yet)
 */
export function routeOf(request: IncomingMessage): string {
  const direct = directRoutes.get(request);
  if (direct !== undefined) return direct;
  const route: unknown = Reflect.get(request, 'route');
  const path: unknown =
    typeof route === 'object' && route !== null ? Reflect.get(route, 'path') : undefined;
  return typeof path === 'string' ? path : NO_ROUTE;
}
