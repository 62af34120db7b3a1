import {
  InvalidKeySet,
  isObject,
  membersOf,
  readKey,
  RESTRICTIONS,
  type Jwk,
  type PublicJwk,
} from './jwk.js';
import { PublicKeySet, type KeySource } from './public-key-set.js';

/** A registered key set (RFC 7517 5). */
export interface PublicJwks {
  readonly keys: readonly PublicJwk[];
}

/** The most keys that a client or issuer may register, and that are read of a published set. */
const MAX_REGISTERED = 10;
const MAX_PUBLISHED = 100;

/**
 * Reads a key set for registration. Any fault in it refuses the whole set.
 *
 * @returns the members to store
 * @throws {InvalidKeySet}
 */
export function readRegisteredJwks(value: unknown): PublicJwks {
  const jwks = keysOf(value);
  if (jwks.length === 0) throw new InvalidKeySet('there is no key in it');
  if (jwks.length > MAX_REGISTERED) throw new InvalidKeySet(`more than ${MAX_REGISTERED} keys`);
  const keys = jwks.map(readKey);
  const kids = keys.map(({ kid }) => kid);
  if (new Set(kids).size !== kids.length) throw new InvalidKeySet('two keys have the same kid');
  return {
    keys: jwks.map((jwk) => {
      const kept = [...(membersOf(jwk) ?? []), ...RESTRICTIONS];
      return Object.fromEntries(
        kept.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])),
      );
    }),
  };
}

/**
 * Reads a key set as its owner publishes it. It may have keys for other purposes: keys that cannot be used
 * are left out.
 *
 * @throws {InvalidKeySet} if it is no key set at all
 */
export function readPublishedJwks(value: unknown): PublicKeySet {
  const keys = keysOf(value)
    .slice(0, MAX_PUBLISHED)
    .flatMap((jwk) => {
      try {
        return [readKey(jwk)];
      } catch (error) {
        if (error instanceof InvalidKeySet) return [];
        throw error;
      }
    });
  return new PublicKeySet(keys);
}

/** A source of registered keys, which are parsed when they are first needed. */
export function registeredKeys(jwks: PublicJwks): KeySource {
  let keys: PublicKeySet | undefined;
  return {
    keysFor: () => {
      keys ??= readPublishedJwks(jwks);
      return Promise.resolve(keys);
    },
  };
}

function keysOf(value: unknown): readonly Jwk[] {
  const keys = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(keys)) throw new InvalidKeySet('it has no list of keys');
  const objects = keys.filter(isObject);
  if (objects.length !== keys.length) throw new InvalidKeySet('a key is no object');
  return objects;
}
