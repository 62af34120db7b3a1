import { decodeComponent, MalformedForm } from './form.js';

/** The content of an `Authorization: Basic` header (RFC 7617 2). */
export interface BasicCredentials {
  readonly clientId: string;
  readonly secret: string;
}

/**
 * Reads HTTP Basic credentials of a client: base64, then each half form-urlencoded (RFC 6749 2.3.1).
 *
 * @param header the value of the `Authorization` header
 * @returns `null` if the scheme is another one or the value is malformed
 */
export function parseBasic(header: string): BasicCredentials | null {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return null;
  try {
    const bytes = Buffer.from(encoded, 'base64');
    const pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = pair.indexOf(':');
    if (colon === -1) return null;
    const clientId = decodeComponent(pair.slice(0, colon));
    const secret = decodeComponent(pair.slice(colon + 1));
    return clientId === '' || secret === '' ? null : { clientId, secret };
  } catch (error) {
    if (error instanceof MalformedForm || error instanceof TypeError) return null;
    throw error;
  }
}
