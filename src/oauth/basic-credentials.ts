import { decodeComponent, MalformedForm } from './form.js';

/** The content of an `Authorization: Basic` header (RFC 7617 2). */
export interface BasicCredentials {
  readonly clientId: string;
  readonly secret: string;
  /** The secret as it was written, if that can be another one: many clients do not encode it. */
  readonly rawSecret: string | null;
}

/**
 * Reads HTTP Basic credentials of a client: base64, then each half form-urlencoded (RFC 6749 2.3.1), or, as curl,
 * requests and others send it (RFC 7617), not encoded.
 *
 * @param header the value of the `Authorization` header
 * @returns `null` if the scheme is another one or the value is malformed
 */
export function parseBasic(header: string): BasicCredentials | null {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  const pair = encoded === undefined ? null : decodeUtf8(Buffer.from(encoded, 'base64'));
  if (pair === null || pair.includes('\0')) return null;
  const colon = pair.indexOf(':');
  if (colon === -1) return null;
  const [rawId, rawSecret] = [pair.slice(0, colon), pair.slice(colon + 1)];
  const clientId = decoded(rawId) ?? rawId;
  const secret = decoded(rawSecret) ?? rawSecret;
  if (clientId === '' || secret === '') return null;
  return { clientId, secret, rawSecret: rawSecret === secret ? null : rawSecret };
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** @returns `null` for what is not form-urlencoded */
function decoded(text: string): string | null {
  try {
    return decodeComponent(text);
  } catch (error) {
    if (error instanceof MalformedForm) return null;
    throw error;
  }
}
