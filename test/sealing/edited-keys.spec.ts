import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

/** A session mandate that is right in everything but who signed it. */
async function forgery(zone: TestZone, kid?: string) {
  const genuine = decodeJwt(String((await zone.session()).body['access_token']));
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  const used = kid ?? (await calculateJwkThumbprint(jwk));
  const token = await new SignJWT({ ...genuine, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: used, typ: 'at+jwt' })
    .sign(privateKey);
  return { jwk, kid: used, token };
}

/** Makes the only key of a zone one that signs no more but still verifies, beside a new one. */
async function retireKey(zone: TestZone): Promise<string> {
  const [row] = await rows<{ kid: string }>(
    replica.databaseUrl,
    'SELECT kid FROM signing_keys WHERE zone_id = $1',
    [zone.zoneId],
  );
  await zone.admin('POST', '/signing-key/rotate');
  await rows(
    replica.databaseUrl,
    `UPDATE signing_keys SET activates_at = activates_at - interval '10 minutes',
       retires_at = retires_at - interval '10 minutes' WHERE zone_id = $1`,
    [zone.zoneId],
  );
  return String(row?.kid);
}

describe('who can write rows, but has not the key-encryption key,', () => {
  test('cannot add a key that mandates are verified with', async () => {
    const zone = await createTestZone(replica);
    const { jwk, kid, token } = await forgery(zone);
    await rows(
      replica.databaseUrl,
      `INSERT INTO signing_keys
       SELECT zone_id, $2, alg, $3, sealed_private_key, published_at, activates_at,
              now() - interval '1 minute', now() + interval '1 hour', NULL
         FROM signing_keys WHERE zone_id = $1`,
      [zone.zoneId, kid, JSON.stringify(jwk)],
    );
    expect((await zone.exchange({ subject_token: token })).status).toBe(503);
    await rows(replica.databaseUrl, 'DELETE FROM signing_keys WHERE zone_id = $1 AND kid = $2', [
      zone.zoneId,
      kid,
    ]);
    expect((await persistently(() => zone.session())).status).toBe(200);
    expect((await zone.exchange()).status).toBe(200);
  });

  test('cannot put another public key in the place of one that signs no more', async () => {
    const zone = await createTestZone(replica);
    const kid = await retireKey(zone);
    const { jwk, token } = await forgery(zone, kid);
    await rows(
      replica.databaseUrl,
      'UPDATE signing_keys SET public_jwk = $2 WHERE zone_id = $3 AND kid = $1',
      [kid, JSON.stringify(jwk), zone.zoneId],
    );
    expect((await zone.exchange({ subject_token: token })).status).toBe(503);
  });

  test('cannot put one in the place of the one that signs', async () => {
    const zone = await createTestZone(replica);
    const { jwk } = await forgery(zone);
    await rows(replica.databaseUrl, 'UPDATE signing_keys SET public_jwk = $2 WHERE zone_id = $1', [
      zone.zoneId,
      JSON.stringify(jwk),
    ]);
    expect((await zone.session()).status).toBe(503);
  });
});
