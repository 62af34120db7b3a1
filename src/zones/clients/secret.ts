import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What starts every secret that we make, so that scanners can recognise a leaked one. */
const PREFIX = 'mds_';

/** Secrets of one client that may be live at a time: the old one and the new one of a rotation. */
export const MAX_LIVE_SECRETS = 2;
const GENERATED_SECRET = /^mds_[A-Za-z0-9_-]{43}$/;

/** A stored secret, as the snapshot has it. */
export interface SecretRecord {
  readonly kind: 'digest' | 'argon2id';
  readonly verifier: string;
  /** Milliseconds since the epoch, or `null` for no end. */
  readonly expiresAt: number | null;
}

/** Draws a client secret: 256 bits of randomness behind a recognisable prefix. */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** Whether a text has the form of a secret that we drew. Others can only have been imported. */
export function isGeneratedForm(secret: string): boolean {
  return GENERATED_SECRET.test(secret);
}

/**
 * The keyed digest that a drawn secret is recognised by. It has 256 bits of entropy, so a fast
 * digest is as good as a slow one; the key makes a stolen table useless by itself.
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
