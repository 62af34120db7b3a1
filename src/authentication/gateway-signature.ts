import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { instant } from '../platform/config/clock.js';
import type { GatewayHeaders } from '../oauth/gateway-headers.js';

/** The parts of a request that a gateway signs. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** The raw bytes of the body. */
  readonly body: Uint8Array;
}

/** Seconds by which the gateway's clock may differ from ours. */
const SKEW = 60;

/** The nonce of a signed request, which makes it usable once. */
export interface GatewayNonce {
  /** Hex SHA-256 of the request id. */
  readonly nonce: string;
  /** The day (`YYYY-MM-DD`, UTC) of its timestamp. */
  readonly day: string;
  /** Its timestamp, in seconds since the epoch: the id may come again when this signature is too old to be replayed. */
  readonly signedAt: number;
}

/**
 * What is wrong with the headers of a signature, as far as that can be seen without the body that it is over.
 *
 * @param hasKey whether there is a key to sign with
 * @param now milliseconds since the epoch
 * @returns a text for the log; `null` if nothing is
 */
export function gatewayHeadersProblem(
  { timestamp, request, signature, requestId }: GatewayHeaders,
  hasKey: boolean,
  now: number,
): string | null {
  if (timestamp === null || request === null || signature === null) return 'a header is missing';
  if (!/^[0-9]{1,12}$/.test(timestamp)) return 'malformed timestamp';
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(request)) return 'malformed request id';
  if (!/^[0-9a-f]{64}$/i.test(signature)) return 'malformed signature';
  if (requestId !== null && requestId !== request) return 'X-Request-Id is another';
  if (!hasKey) return 'no gateway key is configured';
  return Math.abs(Number(timestamp) - now / 1_000) > SKEW ? 'timestamp too far off' : null;
}

/**
 * Verifies the signature of a gateway: HMAC-SHA-256 over
 * `{timestamp}\n{request id}\n{METHOD}\n{path}\n{hex sha256 of the raw body}`.
 *
 * @param keys those of `GATEWAY_HMAC_KEY`, each of which is right; if there is none no signature is
 * @param now milliseconds since the epoch
 * @returns the nonce that the commit spends; a text for the log if anything is missing, malformed, late or wrong
 */
export function verifyGatewaySignature(
  headers: GatewayHeaders,
  { method, path, body }: SignedRequest,
  keys: readonly Buffer[],
  now: number,
): GatewayNonce | string {
  const problem = gatewayHeadersProblem(headers, keys.length > 0, now);
  if (problem !== null) return problem;
  const { timestamp, request, signature } = headers;
  if (timestamp === null || request === null || signature === null) {
    return 'a header is missing';
  }
  const signed = [timestamp, request, method, path, sha256(body)].join('\n');
  const given = Buffer.from(signature, 'hex');
  const isBy = (key: Buffer) =>
    timingSafeEqual(createHmac('sha256', key).update(signed).digest(), given);
  if (!keys.some(isBy)) return 'wrong signature';
  const signedAt = Number(timestamp);
  return { nonce: sha256(Buffer.from(request)), day: dayOf(signedAt), signedAt };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The day of a time, in UTC: it is stored with the nonce, so it must not depend on who computes it. */
function dayOf(seconds: number): string {
  return instant(seconds * 1_000)
    .toISOString()
    .slice(0, 10);
}
