import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';

/** What each algorithm is to OpenSSL: a digest, and how the signature is encoded and padded. */
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

/** What a public key has to be to go with an algorithm (RFC 7518 3.3-3.5, RFC 8037 3.1). */
const FITS: Readonly<Record<ZoneAlg, (key: KeyObject) => boolean>> = {
  ES256: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  ES384: (key) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1',
  EdDSA: (key) => key.asymmetricKeyType === 'ed25519',
  RS256: isLargeRsa,
  PS256: isLargeRsa,
};

/** Tells whether bytes are signed, as JOSE has it (RFC 7518 3). */
export type CheckSignature = (signed: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/**
 * How to check what somebody else has signed, off the main thread.
 *
 * @returns `null` if that is no public key for the algorithm
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

/** Only what a public key has (RFC 7518 6.2.1, 6.3.1): whatever else somebody told goes no further. */
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
