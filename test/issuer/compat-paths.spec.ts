import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { sharedReplica, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';

const gatewayKey = newGatewayKey();

let replica: Replica;
let zone: TestZone;
let name: string;

beforeAll(async () => {
  const env = {
    COMPAT_PATHS: 'ibm,shyntr,ubisecure',
    COMPAT_DEFAULT_ZONE: 'the / default',
    GATEWAY_HMAC_KEY: gatewayKey,
  };
  replica = await startReplica({ env });
  zone = await createTestZone(replica);
  name = encodeURIComponent('the / default');
  const named = await callAdmin(replica, 'PATCH', `/zones/${zone.zoneId}`, {
    name: 'the / default',
  });
  expect(named.status).toBe(200);
});

afterAll(() => replica.stop());

async function post(path: string, parameters: Record<string, string>) {
  const body = new URLSearchParams({
    client_id: zone.clientId,
    client_secret: zone.secret,
    ...parameters,
  });
  const response = await persistently(() => fetch(replica.url + path, { method: 'POST', body }));
  const text = await response.text();
  const answer: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
  return { status: response.status, body: answer };
}

const ask = (path: string) =>
  post(path, { grant_type: 'client_credentials', resource: zone.resource, scope: 'a:read' });

/** The rows of each system's inventory that something answers, by what answers. */
const TOKEN = (zoneName: string) => [
  '/oauth2/token',
  `/t/${zoneName}/oauth2/token`,
  '/sps/oauth/oauth20/token',
  '/mga/sps/oauth/oauth20/token',
  '/uas/oauth2/token',
];
const INTROSPECT = (zoneName: string) => [
  '/oauth2/introspect',
  `/t/${zoneName}/oauth2/introspect`,
  '/sps/oauth/oauth20/introspect',
  '/uas/oauth2/introspection',
  '/uas/oauth2/tokeninfo',
];
const REVOKE = (zoneName: string) => [
  '/oauth2/revoke',
  `/t/${zoneName}/oauth2/revoke`,
  '/sps/oauth/oauth20/revoke',
  '/uas/oauth2/revocation',
];

test('tokens are issued, introspected and revoked at the paths of others', async () => {
  for (const called of [zone.zoneId, name]) {
    for (const path of TOKEN(called)) {
      const { status, body } = await ask(path);
      expect([path, status]).toEqual([path, 200]);
      expect(body).toMatchObject({ access_token: expect.stringMatching(/^ey/) });
    }
    const { body } = await ask('/oauth2/token');
    const token = String(body['access_token']);
    for (const path of INTROSPECT(called)) {
      const answer = await post(path, { token });
      expect([path, answer.status, answer.body['active']]).toEqual([path, 200, true]);
    }
    for (const path of REVOKE(called)) {
      const { access_token: given } = (await ask('/oauth2/token')).body;
      expect([path, (await post(path, { token: String(given) })).status]).toEqual([path, 200]);
      const after = await post('/oauth2/introspect', { token: String(given) });
      expect([path, after.body]).toEqual([path, { active: false }]);
    }
  }
});

test('a gateway signs the path that it asks for', async () => {
  const { body: session } = await ask('/oauth2/token');
  for (const path of [
    '/oauth2/token',
    `/t/${zone.zoneId}/oauth2/token`,
    `/t/${name}/oauth2/token`,
  ]) {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: zone.clientId,
      subject_token: String(session['access_token']),
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: zone.resource,
      scope: 'a:read',
    }).toString();
    const through = async (signed: string) => {
      const response = await persistently(() =>
        fetch(replica.url + path, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...gatewayHeaders({ key: gatewayKey, path: signed, body }),
          },
          body,
        }),
      );
      return response.status;
    };
    expect([path, await through(path)]).toEqual([path, 200]);
    const ours =
      path === '/oauth2/token' ? '/oauth/2/token' : `/zones/${zone.zoneId}/oauth/2/token`;
    expect([path, await through(ours)]).toEqual([path, 401]);
  }
});

test('metadata and keys are at the paths of others, with the bytes that they have at ours', async () => {
  const same: Record<string, readonly string[]> = {
    '/metadata': [
      '/uas/oauth2/metadata.json',
      `/sps/oauth/oauth20/metadata/${name}`,
      `/mga/sps/oauth/oauth20/metadata/${zone.zoneId}`,
    ],
    '/.well-known/openid-configuration': ['/uas/.well-known/openid-configuration'],
    '/.well-known/jwks.json': [
      `/sps/oauth/oauth20/jwks/${name}`,
      `/sps/oauth/oauth20/jwks/${zone.zoneId}`,
      '/uas/oauth2/metadata.jwks',
    ],
  };
  for (const [ours, theirs] of Object.entries(same)) {
    const expected = await fetch(`${replica.url}/zones/${zone.zoneId}${ours}`);
    expect([ours, expected.status]).toEqual([ours, 200]);
    const text = await expected.text();
    for (const path of theirs) {
      const response = await fetch(replica.url + path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, text]);
      const etag = response.headers.get('etag') ?? '';
      expect(etag).toBe(expected.headers.get('etag'));
      const again = await fetch(replica.url + path, { headers: { 'if-none-match': etag } });
      expect(again.status).toBe(304);
    }
  }
  const jwks = await fetch(`${replica.url}/uas/oauth2/metadata.jwks`);
  expect(jwks.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
});

test('metadata has the tokeninfo endpoint that clients of Ubisecure SSO read', async () => {
  const response = await fetch(`${replica.url}/uas/oauth2/metadata.json`);
  const document = (await response.json()) as Record<string, unknown>;
  expect(document['tokeninfo_endpoint']).toBe(document['introspection_endpoint']);
});

test('a name that no zone has is answered as an id that none has', async () => {
  const made = encodeURIComponent(`zone ${randomUUID()}`);
  const long = 'x'.repeat(4_000);
  const unknown = await ask(`/t/${randomUUID()}/oauth2/token`);
  expect(unknown.status).toBe(401);
  for (const called of [made, long, '%00', '%2E%2E%2F', 'THE%20%2F%20DEFAULT', '%20']) {
    const answer = await ask(`/t/${called}/oauth2/token`);
    expect([called, answer.status]).toEqual([called, 401]);
    expect({ ...answer.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    const missed = await fetch(`${replica.url}/sps/oauth/oauth20/metadata/${called}`);
    expect([called, missed.status]).toEqual([called, 404]);
  }
});

test('many made-up names leave others in peace', async () => {
  const batch = () =>
    Promise.all(
      Array.from({ length: 50 }, async () => {
        const path = `${replica.url}/sps/oauth/oauth20/metadata/${randomUUID()}x`;
        const { status } = await persistently(() => fetch(path));
        return status;
      }),
    );
  for (let round = 0; round < 4; round += 1) expect(new Set(await batch())).toEqual(new Set([404]));
  expect((await ask('/oauth2/token')).status).toBe(200);
});

test('operators’ routes are under no other path', async () => {
  const headers = { authorization: `Bearer ${replica.adminToken}` };
  for (const path of [
    '/t/..%2F..%2Finternal%2Fzones%3F/oauth2/token',
    '/t/%2E%2E%2Finternal/zones',
  ]) {
    const { status } = await fetch(replica.url + path, { headers });
    expect([path, status === 404 || status === 405]).toEqual([path, true]);
  }
  expect((await callAdmin(replica, 'GET', '/zones')).status).toBe(200);
});

test('without being asked for, none of them is there', async () => {
  const other = await sharedReplica();
  for (const path of ['/oauth2/token', '/t/x/oauth2/token', '/uas/oauth2/token']) {
    const response = await fetch(other.url + path, { method: 'POST' });
    expect([path, response.status]).toEqual([path, 404]);
  }
});
