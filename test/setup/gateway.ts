import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';

/** A key for `GATEWAY_HMAC_KEY`. */
export const newGatewayKey = (): string => randomBytes(32).toString('hex');

/** What a gateway signs: valid by default, one knob turned. */
export interface GatewayRequest {
  readonly key: string;
  readonly body: string;
  readonly path?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  /** The request id, good for one request. */
  readonly request?: string;
}

/** The headers of a gateway's request. */
export function gatewayHeaders({
  key,
  body,
  path = '/oauth/2/token',
  timestamp = Math.floor(Date.now() / 1_000),
  request = randomUUID(),
}: GatewayRequest): Record<string, string> {
  const digest = createHash('sha256').update(body).digest('hex');
  const signature = createHmac('sha256', Buffer.from(key, 'hex'))
    .update(`${timestamp}\n${request}\nPOST\n${path}\n${digest}`)
    .digest('hex');
  return {
    'X-Caracal-Gateway-Timestamp': String(timestamp),
    'X-Caracal-Gateway-Request': request,
    'X-Caracal-Gateway-Signature': signature,
    'X-Request-Id': request,
  };
}
