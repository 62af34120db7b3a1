import type { JWK } from 'jose';
import { isUuid } from '../../oauth/vocabulary.js';
import { parseVkey } from '../../transparency-log/note-key.js';

/** A key that a zone is sealed for, as the installation hands it out that is to receive it: nothing of it is secret. */
export interface ReceivingKey {
  readonly id: string;
  /** X25519 (RFC 8037). */
  readonly jwk: JWK;
  /** Until when a zone may be received with it, RFC 3339. */
  readonly expiresAt: string;
  /** `ISSUER_URL` of the installation. */
  readonly issuerUrl: string;
  /** The key that its receipts are signed by (C2SP signed-note). */
  readonly vkey: string;
  /** The last migration of its database. */
  readonly schema: string;
}

const PREFIX = 'mandate-zone-key-1.';

/** The key as one word, to be copied. */
export function formatReceivingKey(key: ReceivingKey): string {
  return PREFIX + Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Reads what {@link formatReceivingKey} makes. Null if it is none. */
export function parseReceivingKey(text: string): ReceivingKey | null {
  if (!text.startsWith(PREFIX)) return null;
  let given: Partial<Record<keyof ReceivingKey, unknown>>;
  try {
    given = Object(JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString()));
  } catch {
    return null;
  }
  const { id, jwk, expiresAt, issuerUrl, vkey, schema } = given;
  if (typeof id !== 'string' || !isUuid(id) || typeof schema !== 'string') return null;
  if (typeof vkey !== 'string' || parseVkey(vkey) === null) return null;
  if (typeof issuerUrl !== 'string' || !/^https?:\/\//.test(issuerUrl)) return null;
  if (typeof expiresAt !== 'string' || Number.isNaN(Date.parse(expiresAt))) return null;
  const { kty, crv, x }: JWK = Object(jwk);
  if (kty !== 'OKP' || crv !== 'X25519' || typeof x !== 'string') return null;
  return { id, jwk: { kty, crv, x }, expiresAt, issuerUrl, vkey, schema };
}
