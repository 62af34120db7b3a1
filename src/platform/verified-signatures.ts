import { createHash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ParsedJws } from '../oauth/compact-jws.js';
import { isSignedBy } from '../oauth/signatures.js';
import { atMost } from './at-most.js';

/** How many signatures are remembered: some 200 bytes each. */
const DEFAULT_MAX = 20_000;

/**
 * The signatures that were verified last, so that a token that comes again is not verified again. That a key has
 * signed a text never ceases to be true; whatever may (the times, the state of the key, a revocation) is none of its
 * business, and is to be looked at each time. It holds digests, no tokens, and only what was signed rightly:
 * strangers cannot fill it. There is one for the process.
 */
export class VerifiedSignatures {
  private readonly keys: LRUCache<string, KeyObject>;

  constructor(max = DEFAULT_MAX) {
    this.keys = new LRUCache(atMost(max));
  }

  /**
   * Whether a token is signed by a key, remembered or verified.
   *
   * @param token the whole text, of which `jws` was parsed; its header has been compared with what the key is for
   * @throws {TypeError} if the key is not for the algorithm
   */
  async isSignedBy(key: KeyObject, token: string, jws: ParsedJws): Promise<boolean> {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.keys.get(digest);
    if (known !== undefined && (known === key || known.equals(key))) return true;
    const right = await isSignedBy(key, jws.header.alg, jws.signingInput, jws.signature);
    if (right) this.keys.set(digest, key);
    return right;
  }
}
