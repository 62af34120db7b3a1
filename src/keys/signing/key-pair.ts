import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generateKeyPairCallback,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { keyFits, signInput } from '../../oauth/signatures.js';

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
  const publicJwk = publicPartOf(await exportJWK(publicKey));
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
 * A function that signs with a private key of this process. The key is in it alone, and never comes out.
 *
 * @param der PKCS#8; wiped, and never made text
 * @throws {TypeError} if the key is not for the algorithm
 */
export function signWith(der: Buffer, alg: ZoneAlg): Sign {
  const key = openPrivateKey(der);
  if (!keyFits(key, alg)) throw new TypeError('the private key is not for its algorithm');
  return (signingInput) => signInput(signingInput, key, alg);
}

function openPrivateKey(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** The members of a public key (RFC 7518 6.2.1, 6.3.1) alone: a signer's answer may have others. */
export function publicPartOf({ kty, crv, x, y, n, e }: JWK): JWK {
  return Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
  );
}

/** Imports a public key. @throws {TypeError} if it is none for the algorithm */
export function importPublicKey(jwk: JWK, alg: ZoneAlg): KeyObject {
  const key = createPublicKey({ key: { ...publicPartOf(jwk) }, format: 'jwk' });
  if (!keyFits(key, alg)) throw new TypeError('the public key is not for its algorithm');
  return key;
}
