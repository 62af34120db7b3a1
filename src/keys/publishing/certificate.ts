import { createHash, createPublicKey } from 'node:crypto';
import { ECDSASigValue, ecdsaWithSHA256, ecdsaWithSHA384 } from '@peculiar/asn1-ecc';
import {
  id_mgf1,
  id_RSASSA_PSS,
  id_sha256WithRSAEncryption,
  RsaSaPssParams,
  sha256,
} from '@peculiar/asn1-rsa';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
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

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const ED25519 = '1.3.101.112';
const MGF1 = new AlgorithmIdentifier({
  algorithm: id_mgf1,
  parameters: AsnConvert.serialize(sha256),
});

/** AlgorithmIdentifiers of RFC 5758 3.2, RFC 8410 3, RFC 4055 5 and 3.1. */
const SIGNATURE_ALGORITHM: Readonly<Record<ZoneAlg, AlgorithmIdentifier>> = {
  ES256: ecdsaWithSHA256,
  ES384: ecdsaWithSHA384,
  EdDSA: new AlgorithmIdentifier({ algorithm: ED25519 }),
  // Not the constant of the library, which has the identifier of another algorithm.
  RS256: new AlgorithmIdentifier({ algorithm: id_sha256WithRSAEncryption, parameters: null }),
  PS256: new AlgorithmIdentifier({
    algorithm: id_RSASSA_PSS,
    parameters: AsnConvert.serialize(
      new RsaSaPssParams({ hashAlgorithm: sha256, maskGenAlgorithm: MGF1, saltLength: 32 }),
    ),
  }),
};

const asItIs = (signature: Uint8Array): ArrayBuffer => new Uint8Array(signature).buffer;

/** Signatures as X.509 has them: those of ECDSA are two integers in a sequence (RFC 3279 2.2.3), others as in JWS. */
const IN_DER: Readonly<Record<ZoneAlg, (signature: Uint8Array) => ArrayBuffer>> = {
  ES256: ecdsaSignature,
  ES384: ecdsaSignature,
  EdDSA: asItIs,
  RS256: asItIs,
  PS256: asItIs,
};

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
  const signatureAlgorithm = SIGNATURE_ALGORITHM[key.alg];
  const name = new Name([nameOf(ORGANIZATION, `zone ${key.zoneId}`), nameOf(COMMON_NAME, key.kid)]);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialOf(key.kid),
    signature: signatureAlgorithm,
    issuer: name,
    validity: new Validity({
      notBefore: new Date('1970-01-01T00:00:00Z'),
      // RFC 5280 4.1.2.5: no end that is known.
      notAfter: new Date('9999-12-31T23:59:59Z'),
    }),
    subject: name,
    subjectPublicKeyInfo: AsnConvert.parse(
      createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }).export({
        format: 'der',
        type: 'spki',
      }),
      SubjectPublicKeyInfo,
    ),
    // Not a certification authority (4.2.1.9), and for signatures only (4.2.1.3).
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints()),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature)),
    ]),
  });
  const signature = await sign(new Uint8Array(AsnConvert.serialize(tbsCertificate)));
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm,
    signatureValue: IN_DER[key.alg](signature),
  });
  return Buffer.from(AsnConvert.serialize(certificate));
}

function nameOf(type: string, value: string): RelativeDistinguishedName {
  const attribute = { type, value: new AttributeValue({ utf8String: value }) };
  return new RelativeDistinguishedName([new AttributeTypeAndValue(attribute)]);
}

function extension(extnID: string, value: object): Extension {
  return new Extension({ extnID, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** The serial number: positive, at most 20 bytes (RFC 5280 4.1.2.2), and always the same for a key. */
function serialOf(kid: string): ArrayBuffer {
  const serial = new Uint8Array(createHash('sha256').update(kid).digest().subarray(0, 16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial.buffer;
}

/** Converts an ECDSA signature from JOSE, two halves side by side (RFC 7518 3.4), to X.509, two integers. */
function ecdsaSignature(signature: Uint8Array): ArrayBuffer {
  // A copy: a part of a `Buffer` is a view of what it is a part of.
  const halves = new Uint8Array(signature);
  const half = halves.length / 2;
  return AsnConvert.serialize(
    new ECDSASigValue({ r: unsigned(halves.slice(0, half)), s: unsigned(halves.slice(half)) }),
  );
}

/** An unsigned number as the bytes of an INTEGER: as few as possible, and not taken for a negative one. */
function unsigned(number: Uint8Array): ArrayBuffer {
  const from = number.findIndex((byte) => byte !== 0);
  const bytes = from < 0 ? new Uint8Array(1) : number.slice(from);
  return (bytes[0] ?? 0) < 0x80 ? bytes.slice().buffer : new Uint8Array([0, ...bytes]).buffer;
}
