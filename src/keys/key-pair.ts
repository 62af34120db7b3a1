import {
  createPrivateKey,
  generateKeyPair as generateKeyPairCallback,
  KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import {
  calculateJwkThumbprint,
  exportJWK,
  importJWK,
  importPKCS8,
  type CryptoKey,
  type JWK,
} from 'jose';
import type { SigningAlg } from '../oauth/algorithms.js';

const generateKeyPair = promisify(generateKeyPairCallback);

/** A new key pair, the private half in PKCS#8 DER, to be sealed and wiped. */
export interface NewKeyPair {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: JWK;
  readonly privateKey: Buffer;
}

/** Draws a key pair for ECDSA with P-256 (RFC 7518 3.4), off the main thread. */
export async function drawKeyPair(): Promise<NewKeyPair> {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = await generateKeyPair('ec', {
    namedCurve: 'P-256',
  });
  const publicJwk = await exportJWK(pair.publicKey);
  return {
    kid: await keyIdOf(publicJwk),
    alg: 'ES256',
    publicJwk,
    privateKey: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

/** The `kid` of a public key: its thumbprint (RFC 7638). */
export function keyIdOf(publicJwk: JWK): Promise<string> {
  return calculateJwkThumbprint(publicJwk);
}

/** A private key that can sign but not be exported. The DER bytes are wiped. */
export async function importPrivateKey(der: Buffer, alg: SigningAlg): Promise<CryptoKey> {
  try {
    const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
      format: 'pem',
      type: 'pkcs8',
    });
    return await importPKCS8(pem.toString(), alg, { extractable: false });
  } finally {
    der.fill(0);
  }
}

/** A public key, usable with the one algorithm only. */
export async function importPublicKey(jwk: JWK, alg: SigningAlg): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg);
  if (key instanceof Uint8Array) throw new TypeError('a symmetric key cannot verify a mandate');
  return key;
}
