import { createHmac } from 'node:crypto';

/**
 * The headers of a message as Standard Webhooks wants it (symmetric, `v1`): one signature for each key.
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
  const signatures = keys.map((key) => {
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
    return `v1,${mac.digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
