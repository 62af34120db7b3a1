import type { IncomingMessage } from 'node:http';
import parseUrl from 'parseurl';

/**
 * What is wrong with the target of a request (RFC 9112 3.2). Node takes in what only looks like one in absolute form
 * (`http://[x/`), and the router, like whatever asks for the path before it, would find no path in it or throw.
 *
 * @returns `null` if nothing is
 */
export function targetProblem(request: IncomingMessage): string | null {
  const path = pathIn(request);
  return path === '*' || path?.startsWith('/') === true ? null : 'malformed request target';
}

function pathIn(request: IncomingMessage): string | null | undefined {
  try {
    return parseUrl(request)?.pathname;
  } catch {
    return null;
  }
}
