import { hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  MAX_TOKEN_LENGTH,
  parseCompactJws,
  type JwsContent,
  type ParsedJws,
} from '../oauth/compact-jws.js';
import { isSignedBy } from '../oauth/signatures.js';
import { atMost } from './at-most.js';
import { KeptOn } from './kept-on.js';

/** How many signatures are remembered: some 200 bytes each. */
const DEFAULT_MAX = 20_000;
/** Characters of the tokens whose content is remembered: some thousands of them, in a few times as many bytes. */
const MAX_CHARACTERS = 4 * 1_024 * 1_024;

/**
 * The signatures that were verified last, so that a token that comes again is not verified again. That a key has
 * signed a text never ceases to be true; whatever may (the times, the state of the key, a revocation) is none of its
 * business, and is to be looked at each time. It holds digests and what mandates say, no tokens, and only what was
 * signed rightly: strangers cannot fill it. There is one for the process.
 */
export class VerifiedSignatures {
  private readonly keys: LRUCache<string, KeyObject>;
  /** What tokens say that were signed rightly, as far as they were parsed here: what a text says never changes either. */
  private readonly contents = new LRUCache<string, JwsContent>({ maxSize: MAX_CHARACTERS });
  /** The digest of the token that a content was parsed of. */
  private readonly digests = new KeptOn<string>('digest');

  constructor(max = DEFAULT_MAX) {
    this.keys = new LRUCache(atMost(max));
  }

  /**
   * What a token says, remembered or parsed; its signature is to be verified in either case. What is remembered is the
   * same object for all, and cannot be changed.
   *
   * @throws {MalformedToken} as `parseCompactJws`
   */
  parse(token: string): JwsContent {
    // What is too long is not even hashed.
    if (token.length > MAX_TOKEN_LENGTH) return parseCompactJws(token);
    const digest = digestOf(token);
    const known = this.contents.get(digest);
    if (known !== undefined) return known;
    const jws = parseCompactJws(token);
    this.digests.set(jws, digest);
    return jws;
  }

  /**
   * Whether a token is signed by a key, remembered or verified.
   *
   * @param token the whole text, of which `jws` was parsed; its header has been compared with what the key is for
   * @throws {TypeError} if the key is not for the algorithm
   */
  async isSignedBy(key: KeyObject, token: string, jws: JwsContent): Promise<boolean> {
    const parsedHere = this.digests.get(jws);
    const digest = parsedHere ?? digestOf(token);
    const known = this.keys.get(digest);
    if (known !== key) {
      if (known?.equals(key) !== true) {
        const { signingInput, signature } = isWhole(jws) ? jws : parseCompactJws(token);
        if (!(await isSignedBy(key, jws.header.alg, signingInput, signature))) return false;
      }
      // Also the same key in another object, as of a zone that was loaded anew: two objects are dear to compare.
      this.keys.set(digest, key);
    }
    if (parsedHere !== undefined && isWhole(jws)) this.remember(token, digest, jws);
    return true;
  }

  private remember(token: string, digest: string, { header, claims }: ParsedJws): void {
    const content = { header, claims };
    this.digests.set(content, digest);
    this.contents.set(digest, frozen(content), { size: token.length });
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}

/** Whether it was parsed just now: of what is remembered there is no signature. */
function isWhole(jws: JwsContent): jws is ParsedJws {
  return 'signature' in jws;
}

/** Freezes what was read as JSON, with all that is in it. Its nesting is bounded (`strict-json.ts`). */
function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) frozen(inner);
  }
  return Object.freeze(value);
}
