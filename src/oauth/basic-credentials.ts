import { decodeComponent, MalformedForm } from './form.js';

/** What a secret may be that a client has written into an `Authorization: Basic` header. */
export interface WrittenSecret {
  readonly secret: string;
  /** The secret as it was written, if that can be another one: many clients do not encode it. */
  readonly rawSecret: string | null;
}

/** The content of an `Authorization: Basic` header (RFC 7617 2). */
export interface BasicCredentials extends WrittenSecret {
  readonly clientId: string;
}

/**
 * Reads HTTP Basic credentials of a client: base64, then each half form-urlencoded (RFC 6749 2.3.1), or, as curl,
 * requests and others send it (RFC 7617), not encoded. What is no UTF-8 is ISO 8859-1, in which requests and others
 * write what is not ASCII.
 *
 * @param header the value of the `Authorization` header
 * @returns `null` if the scheme is another one or the value is malformed
 */
export function parseBasic(header: string): BasicCredentials | null {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  const pair = decodeUtf8(bytes) ?? bytes.toString('latin1');
  if (pair.includes('\0')) return null;
  const colon = pair.indexOf(':');
  if (colon === -1) return null;
  const rawId = pair.slice(0, colon);
  const clientId = decoded(rawId) ?? rawId;
  const written = readWritten(pair.slice(colon + 1));
  return clientId === '' || written.secret === '' ? null : { clientId, ...written };
}

/** Reads a secret that is form-urlencoded, or not, which nothing tells. */
export function readWritten(written: string): WrittenSecret {
  const secret = decoded(written) ?? written;
  return { secret, rawSecret: written === secret ? null : written };
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
