import { X509Certificate } from 'node:crypto';
import { importX509 } from 'jose';
import { describe, expect, test } from 'vitest';
import { ZONE_ALGS } from '../../oauth/algorithms.js';
import { certificateFor } from './certificate.js';
import { newSigningKeyPair, signWith } from '../signing/key-pair.js';

const zoneId = '01900000-0000-7000-8000-000000000001';

describe.each(ZONE_ALGS)('the certificate of a key for %s', (alg) => {
  test('is one, of that key and by that key', async () => {
    const { privateKey, ...key } = await newSigningKeyPair(alg);
    const sign = signWith(privateKey, alg);
    const der = await certificateFor({ zoneId, ...key }, sign);
    const certificate = new X509Certificate(der);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.export({ format: 'jwk' })).toEqual(key.publicJwk);
    expect(certificate.subject).toBe(`O=zone ${zoneId}\nCN=${key.kid}`);
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.ca).toBe(false);
    expect(certificate.validTo).toBe('Dec 31 23:59:59 9999 GMT');
    expect(certificate.raw.equals(der)).toBe(true);
    // As a verifier would take it.
    await expect(importX509(certificate.toString(), alg)).resolves.toBeDefined();
  });
});

test('it never has a serial number of another key', async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 50; i += 1) {
    const { privateKey, ...key } = await newSigningKeyPair('EdDSA');
    const sign = signWith(privateKey, 'EdDSA');
    serials.add(new X509Certificate(await certificateFor({ zoneId, ...key }, sign)).serialNumber);
  }
  expect(serials.size).toBe(50);
});
