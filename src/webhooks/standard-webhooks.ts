/**
 * Signatures of Standard Webhooks (https://www.standardwebhooks.com/), symmetric, version `v1`: HMAC-SHA-256
 * over id, time and body. What is sent to webhooks is signed with them, and so is what proof systems send.
 */
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

/** The most seconds between the time of a message and now: what the library allows. */
const TOLERANCE = 300;

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
  body: string,
): Readonly<Record<string, string>> {
  const at = new Date(now);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now / 1_000)),
    'webhook-signature': keys.map((key) => webhookOf(key).sign(id, at, body)).join(' '),
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
 * Whether one of a message's signatures is right, and its time at most five minutes from now. The library reads
 * numbers with anything behind them, and text with anything in it, so both are made sure of before.
 *
 * @param key the secret without its prefix, decoded
 * @param now milliseconds since the epoch
 */
export function isSignedBy(key: Buffer, message: SignedMessage, now: number): boolean {
  const { id, timestamp, signature } = message;
  if (!isTimely(message, now)) return false;
  const body = textOf(message.body);
  if (body === null) return false;
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  };
  try {
    webhookOf(key).verify(body, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

function webhookOf(key: Buffer): Webhook {
  return new Webhook(key, { format: 'raw' });
}

/** The text that bytes are in UTF-8, without a change; `null` if they are none. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
