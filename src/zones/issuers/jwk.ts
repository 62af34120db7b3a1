import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isSigningAlg, SIGNING_ALGS, type SigningAlg } from '../../oauth/algorithms.js';
import type { PublicKey } from './public-key-set.js';
import { weaknessOf } from './weak-keys.js';

/** Thrown for a key set that is malformed or not acceptable. The message says why, and quotes nothing. */
export class InvalidKeySet extends Error {
  override readonly name = 'InvalidKeySet';
}

/** The stored members of a JWK (RFC 7517 4): the public key, and what restricts its use. */
export interface PublicJwk {
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  readonly kid?: string;
  readonly use?: string;
  readonly alg?: string;
  /** Not used before `nbf` and from `exp` on, in seconds since the epoch. */
  readonly nbf?: number;
  readonly exp?: number;
}

/** An unchecked JWK. */
export type Jwk = Readonly<Record<string, unknown>>;

/** The members of private and symmetric keys (RFC 7518 6.2.2, 6.3.2, 6.4). */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** A kind of key (RFC 7518 6.2, 6.3, RFC 8037 2). */
interface Kind {
  readonly kty: string;
  /** `null` where keys of this kind are on no curve. */
  readonly crv: string | null;
  /** The members that make up the key. */
  readonly members: readonly string[];
}

const EC = { kty: 'EC', members: ['kty', 'crv', 'x', 'y'] };
const RSA: Kind = { kty: 'RSA', crv: null, members: ['kty', 'n', 'e'] };
const ED25519: Kind = { kty: 'OKP', crv: 'Ed25519', members: ['kty', 'crv', 'x'] };

/** The kind of key that each algorithm is used with. */
const KINDS: Readonly<Record<SigningAlg, Kind>> = {
  ES256: { ...EC, crv: 'P-256' },
  ES384: { ...EC, crv: 'P-384' },
  EdDSA: ED25519,
  Ed25519: ED25519,
  RS256: RSA,
  PS256: RSA,
};

/** The stored members that restrict the use of a key. */
export const RESTRICTIONS = ['kid', 'use', 'alg', 'nbf', 'exp'];

export function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOfKind({ kty, crv }: Jwk, kind: Kind): boolean {
  return kty === kind.kty && (kind.crv === null || crv === kind.crv);
}

/** The members that make up a key; `undefined` for a key of a kind that no algorithm has. */
export function membersOf(jwk: Jwk): readonly string[] | undefined {
  return Object.values(KINDS).find((kind) => isOfKind(jwk, kind))?.members;
}

/** The algorithms that a key can be used with. */
function algsFor(jwk: Jwk): readonly SigningAlg[] {
  return SIGNING_ALGS.filter((alg) => isOfKind(jwk, KINDS[alg]));
}

export function readKey(jwk: Jwk): PublicKey {
  if (PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined)) {
    throw new InvalidKeySet('a key is not public');
  }
  const members = membersOf(jwk);
  if (members === undefined) throw new InvalidKeySet('a key is of a kind that is not supported');
  checkUse(jwk);
  const key = importKey(jwk, members);
  return {
    kid: readKid(jwk['kid']),
    algs: readAlgs(jwk['alg'], algsFor(jwk)),
    key,
    notBefore: readSeconds(jwk['nbf']),
    expiresAt: readSeconds(jwk['exp']),
  };
}

function checkUse({ use, key_ops: operations }: Jwk): void {
  // `jwt-svid` is what SPIFFE bundles have for keys that sign JWT-SVIDs.
  const forSignatures = use === undefined || use === 'sig' || use === 'jwt-svid';
  const verifies =
    operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
  if (!forSignatures || !verifies) throw new InvalidKeySet('a key is not for signatures');
}

function readKid(kid: unknown): string | null {
  if (kid === undefined) return null;
  if (typeof kid === 'string' && /^[ -~]{1,256}$/.test(kid)) return kid;
  throw new InvalidKeySet('a kid is not 1 to 256 printable ASCII characters');
}

function readAlgs(alg: unknown, possible: readonly SigningAlg[]) {
  if (alg === undefined) return possible;
  if (isSigningAlg(alg) && possible.includes(alg)) {
    // Two names of one algorithm (RFC 9864 2.2).
    return alg === 'EdDSA' || alg === 'Ed25519' ? possible : [alg];
  }
  throw new InvalidKeySet('the alg of a key is not supported, or does not fit it');
}

function readSeconds(value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidKeySet('exp or nbf of a key is not a number of seconds');
}

/** Imports a public key, which checks that a point is on its curve. */
function importKey(jwk: Jwk, members: readonly string[]): KeyObject {
  const key: JsonWebKey = {};
  for (const name of members) {
    const value = jwk[name];
    if (typeof value !== 'string') throw new InvalidKeySet(`a key has no ${name}`);
    key[name] = value;
  }
  let imported: KeyObject;
  try {
    imported = createPublicKey({ key, format: 'jwk' });
  } catch {
    throw new InvalidKeySet('a key is malformed');
  }
  const weakness = weaknessOf(imported);
  if (weakness !== null) throw new InvalidKeySet(weakness);
  return imported;
}
