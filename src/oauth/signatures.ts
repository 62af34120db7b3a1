import { constants, sign, verify, type KeyObject } from 'node:crypto';
import type { SigningAlg } from './algorithms.js';

/** How an algorithm is used with OpenSSL, and which keys it may be used with. */
interface Recipe {
  /** The digest; `null` for EdDSA, which has its own. */
  readonly digest: string | null;
  /** How the signature is encoded or padded (RFC 7518 3.3 to 3.5). */
  readonly options: object;
  /** The bytes of each signature (RFC 7518 3.4, RFC 8037 3.1); `null` where the size of the key says it. */
  readonly length: number | null;
  /**
   * Whether it is computed on the calling thread. What takes 30 to 150 us is dearer on another thread, by the way there
   * and back; RSA and P-384 take up to milliseconds, in which no other request would be answered.
   */
  readonly onCallersThread: boolean;
  readonly fits: (key: KeyObject) => boolean;
}

const EDDSA: Recipe = {
  digest: null,
  options: {},
  length: 64,
  onCallersThread: true,
  fits: (key) => key.asymmetricKeyType === 'ed25519',
};

const RECIPES: Readonly<Record<SigningAlg, Recipe>> = {
  ES256: {
    digest: 'sha256',
    options: { dsaEncoding: 'ieee-p1363' },
    length: 64,
    onCallersThread: true,
    fits: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  },
  ES384: {
    digest: 'sha384',
    options: { dsaEncoding: 'ieee-p1363' },
    length: 96,
    onCallersThread: false,
    fits: (key) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1',
  },
  EdDSA: EDDSA,
  Ed25519: EDDSA,
  RS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PADDING },
    length: null,
    onCallersThread: false,
    fits: isLargeRsa,
  },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    length: null,
    onCallersThread: false,
    fits: isLargeRsa,
  },
};

/**
 * Whether a key may be used with an algorithm (RFC 7518 3.3 to 3.5, RFC 8037 3.1, RFC 8725 3.1).
 */
export function keyFits(key: KeyObject, alg: SigningAlg): boolean {
  return RECIPES[alg].fits(key);
}

/**
 * Signs a JWS signing input (RFC 7515 5.1), in the form of JOSE (RFC 7518 3).
 *
 * @param key a private key that fits the algorithm
 */
export async function signInput(
  input: Uint8Array,
  key: KeyObject,
  alg: SigningAlg,
): Promise<Uint8Array> {
  const { digest, options, onCallersThread } = RECIPES[alg];
  if (onCallersThread) return sign(digest, input, { key, ...options });
  return onAnotherThread((done) => sign(digest, input, { key, ...options }, done));
}

/**
 * Whether a signature in the form of JOSE is right (RFC 7515 5.2 step 8). DER and other lengths are not (RFC 7518 3.4).
 *
 * @param key a public key
 * @throws {TypeError} if the key is not for the algorithm, which is a fault of the caller
 */
export async function isSignedBy(
  key: KeyObject,
  alg: SigningAlg,
  input: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { digest, options, length, onCallersThread } = RECIPES[alg];
  if (!keyFits(key, alg)) throw new TypeError('the key is not for the algorithm');
  if (length !== null && signature.length !== length) return false;
  if (onCallersThread) return verify(digest, input, { key, ...options }, signature);
  return onAnotherThread((done) => verify(digest, input, { key, ...options }, signature, done));
}

/** The result of what OpenSSL does on a thread of its own, and then calls `done`. */
function onAnotherThread<T>(
  run: (done: (error: Error | null, result: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    run((error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}

function isLargeRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048;
}
