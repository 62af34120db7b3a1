import type { IncomingMessage } from 'node:http';

/** A host name or address, and perhaps a port; may be empty (RFC 9110 7.2, RFC 3986 3.2.2). */
const HOST = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?$/;

/**
 * What is wrong with the `Host` of a request (RFC 9112 3.2): HTTP/1.1 requires one, and several, of which a proxy in
 * front may have taken another than we would, are none.
 *
 * @returns `null` if nothing is
 */
export function hostProblem({ rawHeaders, httpVersion }: IncomingMessage): string | null {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && /^host$/i.test(rawHeaders[i - 1] ?? ''));
  if (hosts.length > 1) return 'more than one Host header';
  const [host] = hosts;
  if (host === undefined) return httpVersion === '1.1' ? 'a Host header is required' : null;
  return HOST.test(host) ? null : 'malformed Host header';
}
