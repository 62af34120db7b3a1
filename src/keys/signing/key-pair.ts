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
  const sec1 = p256Of(der);
  try {
    return sec1 === null
      ? createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      : createPrivateKey({ key: sec1, format: 'der', type: 'sec1' });
  } finally {
    der.fill(0);
    sec1?.fill(0);
  }
}

/** What is around the numbers of a P-256 key in PKCS#8 as Node writes it (RFC 5958 2, RFC 5915 3). */
const PKCS8 = {
  before: Buffer.from(
    '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420',
    'hex',
  ),
  between: Buffer.from('a144034200', 'hex'),
  privateBytes: 32,
  publicBytes: 65,
};
/** The same in the form of SEC 1, which names the curve itself (RFC 5915 3). */
const SEC1 = {
  before: Buffer.from('30770201010420', 'hex'),
  between: Buffer.from('a00a06082a8648ce3d030107a144034200', 'hex'),
};

/**
 * A P-256 key in the form of SEC 1, which OpenSSL 3 takes in within a third of the time: it tries what is in PKCS#8 as a
 * key of each kind, which is most of what it costs to open a zone that was not in use.
 *
 * @returns a copy, to be wiped; `null` for any other key, and for one that is written in another way
 */
function p256Of(pkcs8: Buffer): Buffer | null {
  const { before, between, privateBytes, publicBytes } = PKCS8;
  const middle = before.length + privateBytes;
  const last = middle + between.length;
  if (pkcs8.length !== last + publicBytes) return null;
  if (!pkcs8.subarray(0, before.length).equals(before)) return null;
  if (!pkcs8.subarray(middle, last).equals(between)) return null;
  const [secret, point] = [pkcs8.subarray(before.length, middle), pkcs8.subarray(last)];
  return Buffer.concat([SEC1.before, secret, SEC1.between, point]);
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
