/**
 * Signatures of Standard Webhooks (https://www.standardwebhooks.com/), symmetric, version `v1`: HMAC-SHA-256
 * over id, time and body. What is sent to webhooks is signed with them, and so is what proof systems send.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Seconds by which the time of a signature may differ from ours. */
export const TOLERANCE = 300;

/** A signed message, as it was received. */
export interface SignedMessage {
  /** The header `webhook-id`. */
  readonly id: string;
  /** The header `webhook-timestamp`: seconds since the epoch, in plain decimal. */
  readonly timestamp: string;
  /** The header `webhook-signature`: signatures with their versions, apart by spaces. */
  readonly signature: string;
  readonly body: Uint8Array;
}

/** A key as users get it: `whsec_` and base64. */
export function formatSecret(key: Buffer): string {
  return `whsec_${key.toString('base64')}`;
}

/**
 * The headers that a message is sent with: one signature for each key.
 *
 * @param id of the message, the same for every attempt
 * @param now milliseconds since the epoch
 */
export function signMessage(
  keys: readonly Buffer[],
  id: string,
  now: number,
  body: Uint8Array,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = keys.map((key) => `v1,${mac(key, id, timestamp, body).toString('base64')}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

/**
 * Whether the headers of a message have the form that they should, and a time that is near enough: what can be told
 * without its body.
 *
 * @param now milliseconds since the epoch
 */
export function isTimely(
  { id, timestamp, signature }: Omit<SignedMessage, 'body'>,
  now: number,
): boolean {
  return (
    /^[A-Za-z0-9._-]{1,200}$/.test(id) &&
    /^[0-9]{1,12}$/.test(timestamp) &&
    Math.abs(now / 1_000 - Number(timestamp)) <= TOLERANCE &&
    signature.split(' ').some((one) => /^v1,[A-Za-z0-9+/]{43}=$/.test(one))
  );
}

/**
 * Whether one of a message's signatures is right, and not too old.
 *
 * @param key the secret without its prefix, decoded
 * @param now milliseconds since the epoch
 */
export function isSignedBy(key: Buffer, message: SignedMessage, now: number): boolean {
  const { id, timestamp, signature, body } = message;
  if (!isTimely(message, now)) return false;
  const expected = mac(key, id, timestamp, body);
  return signature.split(' ').some((one) => {
    const given = one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : Buffer.alloc(0);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function mac(key: Buffer, id: string, timestamp: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}
