import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';

/** The parameters of each algorithm for OpenSSL: the digest, and how the signature is encoded and padded. */
const OPENSSL = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  ES384: { digest: 'sha384', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, options: {} },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
} as const;

/** Whether a public key fits an algorithm (RFC 7518 3.3-3.5, RFC 8037 3.1). */
const FITS: Readonly<Record<ZoneAlg, (key: KeyObject) => boolean>> = {
  ES256: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  ES384: (key) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1',
  EdDSA: (key) => key.asymmetricKeyType === 'ed25519',
  RS256: isLargeRsa,
  PS256: isLargeRsa,
};

/** Verifies a signature in the form of JOSE (RFC 7518 3). */
export type CheckSignature = (signed: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/**
 * A check of a remote signer's signatures, off the main thread.
 *
 * @returns `null` if it is not a public key for the algorithm
 */
export function signatureCheck(publicJwk: JWK, alg: ZoneAlg): CheckSignature | null {
  const key = publicKeyOf(publicJwk);
  if (key === null || !FITS[alg](key)) return null;
  const { digest, options } = OPENSSL[alg];
  return (signed, signature) =>
    new Promise((resolve, reject) => {
      verify(digest, signed, { key, ...options }, signature, (error, right) => {
        if (error === null) resolve(right);
        else reject(error);
      });
    });
}

/** The members of a public key (RFC 7518 6.2.1, 6.3.1) alone: a signer's answer may have others. */
export function publicPartOf({ kty, crv, x, y, n, e }: JWK): JWK {
  return Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
  );
}

function publicKeyOf(jwk: JWK): KeyObject | null {
  try {
    return createPublicKey({ key: { ...publicPartOf(jwk) }, format: 'jwk' });
  } catch {
    return null;
  }
}

function isLargeRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048;
}
