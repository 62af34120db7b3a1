import {
  generateKeyPair as generateKeyPairCallback,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, importJWK, type CryptoKey, type JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';

const generateKeyPair = promisify(generateKeyPairCallback);

/** A new key pair, the private half in PKCS#8 DER, to be sealed and wiped. */
export interface NewKeyPair {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
  readonly privateKey: Buffer;
}

/** Signs a JWS signing input (RFC 7515 5.1) with one key, in the form of JOSE (RFC 7518 3). */
export type Sign = (signingInput: Uint8Array) => Promise<Uint8Array>;

/** The parameters of each algorithm in Web Cryptography: to import a key, and to sign. */
const WEB_CRYPTO = {
  ES256: [
    { name: 'ECDSA', namedCurve: 'P-256' },
    { name: 'ECDSA', hash: 'SHA-256' },
  ],
  ES384: [
    { name: 'ECDSA', namedCurve: 'P-384' },
    { name: 'ECDSA', hash: 'SHA-384' },
  ],
  EdDSA: [{ name: 'Ed25519' }, { name: 'Ed25519' }],
  RS256: [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, { name: 'RSASSA-PKCS1-v1_5' }],
  PS256: [
    { name: 'RSA-PSS', hash: 'SHA-256' },
    { name: 'RSA-PSS', saltLength: 32 },
  ],
} as const;

/** The size of RSA keys. RFC 7518 3.3 requires 2048 at least; 3072 is as hard to break as P-256. */
const RSA = { modulusLength: 3_072 };

/** The key generators, each on libuv's thread pool, so that a slow one does not block the event loop. */
const GENERATE: Readonly<Record<ZoneAlg, () => Promise<KeyPairKeyObjectResult>>> = {
  ES256: () => generateKeyPair('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPair('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPair('ed25519'),
  RS256: () => generateKeyPair('rsa', RSA),
  PS256: () => generateKeyPair('rsa', RSA),
};

/** Generates a key pair, off the main thread. For RSA it may take seconds. */
export async function newSigningKeyPair(alg: ZoneAlg): Promise<NewKeyPair> {
  const { publicKey, privateKey } = await GENERATE[alg]();
  const { kty, crv, x, y, n, e } = await exportJWK(publicKey);
  const publicJwk = Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
  );
  return {
    kid: await keyIdOf(publicJwk),
    alg,
    publicJwk,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

/** The `kid` of a public key: its thumbprint (RFC 7638). */
export function keyIdOf(publicJwk: JWK): Promise<string> {
  return calculateJwkThumbprint(publicJwk);
}

/**
 * Imports a private key that can sign but not be exported.
 *
 * @param der PKCS#8; wiped, and never made text
 */
export async function importPrivateKey(der: Buffer, alg: ZoneAlg): Promise<CryptoKey> {
  const copy = new Uint8Array(der);
  try {
    return await crypto.subtle.importKey('pkcs8', copy, WEB_CRYPTO[alg][0], false, ['sign']);
  } finally {
    copy.fill(0);
    der.fill(0);
  }
}

/** A function that signs with a private key of this process. */
export function signWith(privateKey: CryptoKey, alg: ZoneAlg): Sign {
  return async (signingInput) =>
    new Uint8Array(
      await crypto.subtle.sign(WEB_CRYPTO[alg][1], privateKey, new Uint8Array(signingInput)),
    );
}

/** Imports a public key, usable with the one algorithm only. @throws {TypeError} for a symmetric key */
export async function importPublicKey(jwk: JWK, alg: ZoneAlg): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg);
  if (key instanceof Uint8Array) throw new TypeError('a symmetric key cannot verify a mandate');
  return key;
}
