import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readWritten } from '../../oauth/basic-credentials.js';

/** The prefix of every generated secret, by which scanners recognise a leaked one. */
const PREFIX = 'mds_';

/** The most live secrets of one client: the old one and the new one of a rotation. */
export const MAX_LIVE_SECRETS = 2;
const GENERATED_SECRET = /^mds_[A-Za-z0-9_-]{43}$/;

/** A client secret in a snapshot: a verifier of it. */
export interface SecretRecord {
  readonly kind: 'digest' | 'argon2id';
  readonly verifier: string;
  /** Milliseconds since the epoch, or `null` for no end. */
  readonly expiresAt: number | null;
}

/** Generates a client secret: 256 random bits behind a recognisable prefix. */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** Whether a text has the form of a generated secret. Others can only have been imported. */
export function isGeneratedForm(secret: string): boolean {
  return GENERATED_SECRET.test(secret);
}

/**
 * Whether a secret from elsewhere would be looked for among those that we drew, and never found, by one of the ways in
 * which clients send it.
 */
export function passesForGenerated(imported: string): boolean {
  const { secret, rawSecret } = readWritten(imported);
  return isGeneratedForm(secret) || (rawSecret !== null && isGeneratedForm(rawSecret));
}

/**
 * The keyed digest of a generated secret. The secret has 256 bits of entropy, so a fast digest is as good
 * as a slow one; the key makes a stolen table useless by itself.
 *
 * @param digestKey the zone's, 32 bytes
 * @returns hex HMAC-SHA-256, bound to the client
 */
export function digestSecret(digestKey: Buffer, clientId: string, secret: string): string {
  return createHmac('sha256', digestKey).update(clientId).update('\0').update(secret).digest('hex');
}

/** Compares two hex digests of the same length in constant time. */
export function digestsEqual(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === right.length && timingSafeEqual(left, right);
}
