import type { KeyObject } from 'node:crypto';

const MIN_RSA_BITS = 2_048;
/** The time to verify grows with the square of the size. */
const MAX_RSA_BITS = 8_192;

/**
 * The points of Ed25519 of order 1, 2, 4 and 8 in all of their encodings, as hex, without the bit for the sign
 * (RFC 8032 5.1.2).
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/**
 * Why a public key proves nothing, though it is one: its signatures can be made without the private key, or soon will
 * be; or it takes long to verify them. OpenSSL takes such keys in.
 *
 * @returns `null` if there is nothing wrong with it
 */
export function weaknessOf(key: KeyObject): string | null {
  if (key.asymmetricKeyType === 'rsa') return weaknessOfRsa(key);
  if (key.asymmetricKeyType === 'ed25519') return weaknessOfEd25519(key);
  return null;
}

/** With an exponent of 1 a signature is the message itself, so any reader could make one. */
function weaknessOfRsa({ asymmetricKeyDetails: details }: KeyObject): string | null {
  const bits = details?.modulusLength ?? 0;
  const exponent = details?.publicExponent ?? 0n;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    return `an RSA key has not ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`;
  }
  return exponent < 65_537n || exponent >= 2n ** 32n || exponent % 2n === 0n
    ? 'the exponent of an RSA key is weak'
    : null;
}

/** With a point of small order the same signature is right for all messages, or for one of two, four or eight. */
function weaknessOfEd25519(key: KeyObject): string | null {
  const point = Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url');
  point.writeUInt8(point.readUInt8(31) & 0x7f, 31);
  return SMALL_ORDER.has(point.toString('hex')) ? 'an Ed25519 key is a point of small order' : null;
}
