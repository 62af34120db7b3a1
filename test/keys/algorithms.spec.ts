import { X509Certificate } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWK } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_ALG, ZONE_ALGS } from '../../src/oauth/algorithms.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { age, keysOf, rotate } from '../setup/keys.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const tokenOf = (answer: Answer) => String(answer.body['access_token']);
const algOf = (answer: Answer) => decodeProtectedHeader(tokenOf(answer)).alg;

const setAlg = (zone: TestZone, alg: string) =>
  persistently(() =>
    callAdmin(replica, 'PATCH', `/zones/${zone.zoneId}/signing-key`, { signing_alg: alg }),
  );
const register = (zone: TestZone, identifier: string, alg: string) =>
  persistently(() =>
    callAdmin(replica, 'POST', `/zones/${zone.zoneId}/resources`, {
      identifier,
      scopes: ['shared'],
      signing_alg: alg,
    }),
  );

/** As a resource would: nothing but the key set, and the one algorithm. */
async function verify(zone: TestZone, answer: Answer, algorithm: string): Promise<void> {
  const url = `${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json`;
  const options = { algorithms: [algorithm], typ: 'at+jwt' };
  await jwtVerify(tokenOf(answer), createRemoteJWKSet(new URL(url)), options);
}

describe("a zone's algorithm", () => {
  test('is changed by a rotation: what signed goes on until the new key may', async () => {
    const zone = await createTestZone(replica);
    let before: string = DEFAULT_ALG;
    for (const alg of [...ZONE_ALGS.filter((one) => one !== DEFAULT_ALG), DEFAULT_ALG]) {
      const old = await persistently(() => zone.session());
      expect(await setAlg(zone, alg)).toMatchObject({ status: 200, body: { signing_alg: alg } });
      const meanwhile = await persistently(() => zone.exchange());
      expect(algOf(meanwhile)).toBe(before);
      await age(zone, 500);
      const answer = await persistently(() => zone.exchange({ subject_token: tokenOf(old) }));
      expect(algOf(answer)).toBe(alg);
      await verify(zone, answer, alg);
      // What the key before it signed is still good.
      await verify(zone, meanwhile, before);
      before = alg;
    }
    const states = (await keysOf(zone)).map(({ alg, state }) => `${alg} ${state}`);
    expect(states.filter((state) => state.endsWith('active'))).toEqual([`${DEFAULT_ALG} active`]);
  });

  test('can be leaked as well: an RSA key is replaced at once', async () => {
    const zone = await createTestZone(replica);
    await setAlg(zone, 'RS256');
    await age(zone, 500);
    const leaked = tokenOf(await persistently(() => zone.session()));
    const answer = await persistently(() => rotate(zone, '?emergency=true'));
    expect(answer).toMatchObject({ status: 200, body: { alg: 'RS256', state: 'active' } });
    expect((await persistently(() => zone.exchange({ subject_token: leaked }))).status).toBe(400);
    expect(algOf(await persistently(() => zone.session()))).toBe('RS256');
  });

  test.each([
    [{ signing_alg: 'HS256' }],
    [{ signing_alg: 'none' }],
    [{ signing_alg: 'Ed25519' }],
    [{ signing_alg: 'es256' }],
    [{ signing_alg: null }],
    [{ rotation_days: -1 }],
    [{ rotation_days: 1.5 }],
    [{ rotation_days: '30' }],
    [{ publish_x5c: 'true' }],
    [{ signing_algorithm: 'ES256' }],
  ])('is refused as %j', async (body) => {
    const zone = await createTestZone(replica);
    const path = `/zones/${zone.zoneId}/signing-key`;
    expect((await callAdmin(replica, 'PATCH', path, body)).status).toBe(400);
    expect(await keysOf(zone)).toHaveLength(1);
  });
});

describe("a resource's algorithm", () => {
  test('is used for its mandates, once its key may sign', async () => {
    const zone = await createTestZone(replica);
    const own = 'resource://own';
    expect((await register(zone, own, 'EdDSA')).body).toMatchObject({ signing_alg: 'EdDSA' });
    expect((await register(zone, 'resource://same', 'EdDSA')).status).toBe(201);
    expect(await keysOf(zone)).toHaveLength(2);
    const ask = async (...resources: string[]) => {
      const wanted = { resource: resources, scope: 'shared' };
      const session = await persistently(() => zone.session(wanted));
      expect(algOf(session)).toBe('ES256');
      return persistently(() => zone.exchange({ ...wanted, subject_token: tokenOf(session) }));
    };
    expect(algOf(await ask(own))).toBe('ES256');
    await age(zone, 500);
    const answer = await ask(own);
    expect(algOf(answer)).toBe('EdDSA');
    await verify(zone, answer, 'EdDSA');
    expect(algOf(await ask(own, 'resource://same'))).toBe('EdDSA');
    // Where resources disagree, all of them know the zone's own.
    expect(algOf(await ask(own, zone.resource))).toBe('ES256');
  });

  test('goes with the resource', async () => {
    const zone = await createTestZone(replica);
    const { body } = await register(zone, 'resource://own', 'ES384');
    await age(zone, 500);
    await zone.admin('DELETE', `/resources/${String(body['id'])}`);
    const states = (await keysOf(zone)).map(({ alg, state }) => `${alg} ${state}`);
    expect(states).toEqual(['ES384 retiring', 'ES256 active']);
  });
});

describe('the rotation of one algorithm', () => {
  test('leaves the others alone', async () => {
    const zone = await createTestZone(replica);
    await register(zone, 'resource://own', 'EdDSA');
    await age(zone, 500);
    const { body } = await persistently(() => rotate(zone, '?alg=EdDSA'));
    expect(body).toMatchObject({ alg: 'EdDSA', state: 'pending' });
    const states = (await keysOf(zone)).map(({ alg, state }) => `${alg} ${state}`);
    expect(states.toSorted()).toEqual(['ES256 active', 'EdDSA active', 'EdDSA pending']);
  });

  test.each([
    ['?alg=ES384', 409],
    ['?alg=none', 400],
    ['?alg=', 400],
    ['?emergecny=true', 400],
    ['?emergency=true&emergency=true', 400],
    ['?emergency=true&force', 400],
  ])('is not guessed from %s', async (query, status) => {
    const zone = await createTestZone(replica);
    expect((await rotate(zone, query)).status).toBe(status);
    expect(await keysOf(zone)).toHaveLength(1);
  });
});

test('certificates are published where a zone wants them', async () => {
  const zone = await createTestZone(replica);
  await register(zone, 'resource://own', 'EdDSA');
  const url = `${replica.url}/.well-known/jwks.json?zone_id=${zone.zoneId}`;
  const read = async () => ((await (await fetch(url)).json()) as { keys: JWK[] }).keys;
  expect((await read()).some((key) => 'x5c' in key)).toBe(false);
  await zone.admin('PATCH', '/signing-key', { publish_x5c: true });
  await expect.poll(async () => (await read()).filter((key) => 'x5c' in key).length).toBe(2);
  for (const { kty, crv, x, y, x5c } of await read()) {
    const certificate = new X509Certificate(Buffer.from(x5c?.[0] ?? '', 'base64'));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.export({ format: 'jwk' })).toEqual(
      JSON.parse(JSON.stringify({ kty, crv, x, y })),
    );
  }
});
