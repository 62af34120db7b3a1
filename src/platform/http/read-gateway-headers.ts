import type { IncomingMessage } from 'node:http';
import type { GatewayHeaders } from '../../oauth/gateway-headers.js';

/**
 * Reads the headers of a gateway's signature. A header that is given twice is joined, and so malformed.
 *
 * @returns `null` if there is none of them; with any one it is a gateway's request, and nothing else
 */
export function readGatewayHeaders(request: IncomingMessage): GatewayHeaders | null {
  const one = (name: string): string | null => request.headersDistinct[name]?.join(', ') ?? null;
  const headers = {
    timestamp: one('x-caracal-gateway-timestamp'),
    request: one('x-caracal-gateway-request'),
    signature: one('x-caracal-gateway-signature'),
  };
  if (Object.values(headers).every((value) => value === null)) return null;
  return { ...headers, requestId: one('x-request-id') };
}

/** Whether there is one of the headers of a gateway's signature. It costs less than to read them. */
export function hasGatewayHeaders({ headers }: IncomingMessage): boolean {
  return (
    headers['x-caracal-gateway-timestamp'] !== undefined ||
    headers['x-caracal-gateway-request'] !== undefined ||
    headers['x-caracal-gateway-signature'] !== undefined
  );
}
