import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may be from ours, in seconds. */
export const TOLERANCE = 300;

/** A message as Standard Webhooks signs it. */
export interface SignedMessage {
  /** The header `webhook-id`. */
  readonly id: string;
  /** The header `webhook-timestamp`: seconds since the epoch, in plain decimal. */
  readonly timestamp: string;
  /** The header `webhook-signature`: signatures with their versions, apart by spaces. */
  readonly signature: string;
  readonly body: Uint8Array;
}

/**
 * Whether one of a message's signatures is right and new (Standard Webhooks, symmetric `v1`).
 *
 * @param key the secret without its prefix, decoded
 * @param now milliseconds since the epoch
 */
export function isSignedBy(key: Buffer, message: SignedMessage, now: number): boolean {
  const { id, timestamp, signature } = message;
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(id) || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now / 1_000 - Number(timestamp)) > TOLERANCE) return false;
  const expected = createHmac('sha256', key)
    .update(`${id}.${timestamp}.`)
    .update(message.body)
    .digest();
  return signature.split(' ').some((one) => {
    const given = one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : Buffer.alloc(0);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
