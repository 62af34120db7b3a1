import { decodeJwt, importPKCS8 } from 'jose';
import type { JWK } from 'jose';
import { LocalKeyEncryption } from '../../src/sealing/local-key-encryption.js';
import { unseal } from '../../src/sealing/seal.js';
import type { ZoneAlg } from '../../src/oauth/algorithms.js';
import { makeForger, type ForgerKey, type TokenForger } from './tokens/hostile-tokens.js';
import { KEY_ENCRYPTION_KEY, rows } from './harness.js';
import type { TestZone } from './zone.js';

/** The key that a zone signs with, taken out of its database: what no attacker should ever have. */
export async function stealZoneKey(zone: TestZone): Promise<ForgerKey & { alg: ZoneAlg }> {
  const [row] = await rows<{
    kid: string;
    alg: ZoneAlg;
    public_jwk: JWK;
    sealed_private_key: Buffer;
  }>(
    zone.replica.databaseUrl,
    'SELECT kid, alg, public_jwk, sealed_private_key FROM signing_keys WHERE zone_id = $1',
    [zone.zoneId],
  );
  if (row === undefined) throw new Error('the zone has no key');
  const { kid, alg, public_jwk: publicJwk, sealed_private_key: sealed } = row;
  const der = await openZoneKey(zone.zoneId, kid, sealed);
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`;
  const privateKey = await importPKCS8(pem, alg);
  return { kid, alg, publicJwk, privateKey };
}

/** The private key in a row, in PKCS#8 DER. */
export function openZoneKey(
  zoneId: string,
  kid: string,
  sealed: Buffer,
  keyEncryptionKey = KEY_ENCRYPTION_KEY,
): Promise<Buffer> {
  const kek = new LocalKeyEncryption(Buffer.from(keyEncryptionKey, 'hex'));
  return unseal([kek], { purpose: 'signing-key', zoneId, id: kid }, sealed);
}

/** Forges mandates with a zone's own key; they differ from a real one only where a test says so. */
export async function forgerFor(
  zone: TestZone,
  otherZone: TestZone,
  mandate: string,
): Promise<TokenForger> {
  return makeForger({
    ...(await stealZoneKey(zone)),
    otherKey: await stealZoneKey(otherZone),
    claims: decodeJwt(mandate),
    now: () => Math.floor(Date.now() / 1_000),
  });
}
