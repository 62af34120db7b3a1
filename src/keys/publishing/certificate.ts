import { createHash, createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { Sign } from '../signing/key-pair.js';

/** The key that a certificate is made for. */
export interface CertifiedKey {
  readonly zoneId: string;
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
}

/**
 * Makes the self-signed certificate of a key (RFC 5280 4.1), for verifiers that take keys in no other form
 * (`x5c`, RFC 7517 4.7). It certifies nothing: that the key is the zone's, and for how long, is known from
 * the key set, so the certificate itself does not expire.
 *
 * @param sign signs with that key
 *
 * @returns X.509 v3, DER
 */
export async function certificateFor(key: CertifiedKey, sign: Sign): Promise<Buffer> {
  const algorithm = SIGNATURE_ALGORITHM[key.alg];
  const name = sequence(
    set(sequence(oid(ORGANIZATION), utf8(`zone ${key.zoneId}`))),
    set(sequence(oid(COMMON_NAME), utf8(key.kid))),
  );
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.of(2))),
    integer(serialOf(key.kid)),
    algorithm,
    name,
    sequence(utcTime('700101000000Z'), generalizedTime('99991231235959Z')),
    name,
    createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }).export({
      format: 'der',
      type: 'spki',
    }),
    // Not a certification authority (4.2.1.9), and for signatures only (4.2.1.3).
    tagged(3, sequence(extension(BASIC_CONSTRAINTS, sequence()), extension(KEY_USAGE, SIGNATURES))),
  );
  const signature = Buffer.from(await sign(toBeSigned));
  return sequence(toBeSigned, algorithm, bits(IN_DER[key.alg](signature)));
}

const COMMON_NAME = '55 04 03';
const ORGANIZATION = '55 04 0a';
const BASIC_CONSTRAINTS = '55 1d 13';
const KEY_USAGE = '55 1d 0f';
const SIGNATURES = Buffer.of(0x03, 0x02, 0x07, 0x80);
const SHA256 = '60 86 48 01 65 03 04 02 01';
const NULL = Buffer.of(0x05, 0x00);

/** AlgorithmIdentifiers of RFC 5758 3.2, RFC 8410 3, RFC 4055 5 and 3.1. */
const SIGNATURE_ALGORITHM: Readonly<Record<ZoneAlg, Buffer>> = {
  ES256: sequence(oid('2a 86 48 ce 3d 04 03 02')),
  ES384: sequence(oid('2a 86 48 ce 3d 04 03 03')),
  EdDSA: sequence(oid('2b 65 70')),
  RS256: sequence(oid('2a 86 48 86 f7 0d 01 01 0b'), NULL),
  PS256: sequence(
    oid('2a 86 48 86 f7 0d 01 01 0a'),
    sequence(
      tagged(0, sequence(oid(SHA256), NULL)),
      tagged(1, sequence(oid('2a 86 48 86 f7 0d 01 01 08'), sequence(oid(SHA256), NULL))),
      tagged(2, integer(Buffer.of(32))),
    ),
  ),
};

const asItIs = (signature: Buffer): Buffer => signature;

/** Signatures as X.509 has them: those of ECDSA are two integers in a sequence (RFC 5480), others as in JWS. */
const IN_DER: Readonly<Record<ZoneAlg, (signature: Buffer) => Buffer>> = {
  ES256: ecdsaSignature,
  ES384: ecdsaSignature,
  EdDSA: asItIs,
  RS256: asItIs,
  PS256: asItIs,
};

/** The serial number: positive, at most 20 bytes (RFC 5280 4.1.2.2), and always the same for a key. */
function serialOf(kid: string): Buffer {
  const serial = createHash('sha256').update(kid).digest().subarray(0, 16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** Converts an ECDSA signature from JOSE, two halves side by side (RFC 7518 3.4), to X.509, two integers (RFC 3279 2.2.3). */
function ecdsaSignature(halves: Buffer): Buffer {
  const half = halves.length / 2;
  return sequence(integer(halves.subarray(0, half)), integer(halves.subarray(half)));
}

/** A DER element: tag, length, content. */
function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return element(0x30, ...contents);
}

function set(content: Buffer): Buffer {
  return element(0x31, content);
}

function tagged(number: number, content: Buffer): Buffer {
  return element(0xa0 | number, content);
}

/** A DER INTEGER of an unsigned number, in as few bytes as possible, with one for the sign if needed. */
function integer(unsigned: Buffer): Buffer {
  let from = 0;
  while (from < unsigned.length - 1 && unsigned[from] === 0) from += 1;
  const bytes = unsigned.subarray(from);
  return element(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.of(), bytes);
}

function oid(hex: string): Buffer {
  return element(0x06, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function utf8(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

function bits(content: Buffer): Buffer {
  return element(0x03, Buffer.of(0), content);
}

function utcTime(text: string): Buffer {
  return element(0x17, Buffer.from(text));
}

function generalizedTime(text: string): Buffer {
  return element(0x18, Buffer.from(text));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), element(0x04, value));
}
