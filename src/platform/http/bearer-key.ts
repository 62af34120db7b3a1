import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * A check whether a request bears a key (RFC 6750 2.1), in constant time. A request without one never
 * passes, whatever the key is.
 *
 * @param key the key to compare with
 */
export function bearerKeyCheck(key: string): (request: IncomingMessage) => boolean {
  const expected = sha256(key);
  return (request) => {
    const presented = bearerOf(request);
    // Digests have one length, which `timingSafeEqual` requires.
    return presented !== null && timingSafeEqual(sha256(presented), expected);
  };
}

/** What a request bears (RFC 6750 2.1). @returns `null` if it bears nothing */
export function bearerOf({ headers }: IncomingMessage): string | null {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
