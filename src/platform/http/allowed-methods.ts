import type { Request } from 'express';

/** A layer of Express's router, as far as it is used. */
interface Layer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && 'match' in value && 'route' in value;
}

/**
 * The methods that the router has for the path of a request, for `Allow` (RFC 9110 10.2.1).
 *
 * @returns upper-case names; empty for an unknown path
 */
export function allowedMethods(request: Request): string[] {
  const stack: unknown = request.app.router.stack;
  if (!Array.isArray(stack)) return [];
  // Express cuts off what a middleware was mounted at.
  const path = request.baseUrl + request.path;
  const methods = new Set<string>();
  for (const layer of stack) {
    if (!isLayer(layer) || layer.route === undefined || !layer.match(path)) continue;
    for (const name of Object.keys(layer.route.methods)) {
      if (name !== '_all') methods.add(name.toUpperCase());
    }
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].toSorted();
}
