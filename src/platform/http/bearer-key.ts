import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Makes the check whether a request bears a key (RFC 6750 2.1). A request without one never does,
 * whatever the key is.
 */
export function bearerKeyCheck(key: string): (request: IncomingMessage) => boolean {
  const expected = sha256(key);
  return ({ headers }) => {
    const presented = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    // Digests have one length, so the comparison takes one time.
    return presented !== undefined && timingSafeEqual(sha256(presented), expected);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
