import { requestIdIn, type Parameters } from './zone.js';
import type { TestClient } from './services.js';

/** The answer of a revocation endpoint, its body as text: what is granted has none. */
export interface Revoked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly requestId: string;
}

/** Asks for a revocation as a client, by its secret (RFC 7009 2.1); parameters are turned by name. */
export async function revokeAs(
  { clientId, secret }: TestClient,
  url: string,
  parameters: Parameters,
  headers: Record<string, string> = {},
  path = '/oauth/2/revoke',
): Promise<Revoked> {
  const form = new URLSearchParams();
  const given: Parameters = { client_id: clientId, client_secret: secret, ...parameters };
  for (const [name, value] of Object.entries(given)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  const response = await fetch(`${url}${path}`, { method: 'POST', body: form, headers });
  return {
    status: response.status,
    headers: response.headers,
    text: await response.text(),
    requestId: requestIdIn(response.headers),
  };
}
