import { randomUUID } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

/** What the replica is configured with; it listens elsewhere. */
const ISSUER_URL = 'http://localhost:8080';

type Document = Record<string, unknown>;

let replica: Replica;
let zone: TestZone;
let issuer: string;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await zoneOfMode('zone');
  issuer = `${ISSUER_URL}/zones/${zone.zoneId}`;
});

/** Another zone whose issuer is its own, or shared with others. */
async function zoneOfMode(mode: 'zone' | 'shared'): Promise<TestZone> {
  const made = await createTestZone(replica);
  await rows(replica.databaseUrl, 'UPDATE zones SET issuer_mode = $2 WHERE id = $1', [
    made.zoneId,
    mode,
  ]);
  return made;
}

const get = (path: string, init: RequestInit = {}) =>
  persistently(() => fetch(replica.url + path, init));

const server = (zoneId: string) => [
  `/.well-known/oauth-authorization-server/zones/${zoneId}`,
  `/zones/${zoneId}/.well-known/oauth-authorization-server`,
];
const configured = (zoneId: string) => [
  `/zones/${zoneId}/oauth2/metadata.json`,
  `/zones/${zoneId}/metadata`,
];
const openid = (zoneId: string) => [
  `/zones/${zoneId}/.well-known/openid-configuration`,
  `/.well-known/openid-configuration/zones/${zoneId}`,
];

async function documentAt(path: string): Promise<Document> {
  const response = await get(path);
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as Document;
}

/** The metadata of a zone, at a place that every zone has. */
const metadataOf = ({ zoneId }: TestZone) => documentAt(`/zones/${zoneId}/metadata`);

/** The same path at the replica, of a URL that is below its issuer. */
const here = (url: string) => url.replace(ISSUER_URL, replica.url);

describe('the metadata of a zone', () => {
  test('says who issues, and what is taken', async () => {
    const { signed_metadata: signed, ...document } = await metadataOf(zone);
    expect(signed).toEqual(expect.any(String));
    const algs = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];
    expect(document).toMatchObject({
      issuer,
      token_endpoint: `${issuer}/oauth/2/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      grant_types_supported: [
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'client_credentials',
      ],
      response_types_supported: ['none'],
      token_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
      ],
      token_endpoint_auth_signing_alg_values_supported: algs,
      resource_indicators_supported: true,
    });
    expect(document).not.toHaveProperty('id_token_signing_alg_values_supported');
  });

  test('is the same bytes at every place of RFC 8414, and where other servers have it', async () => {
    const answers = [];
    for (const path of [...server(zone.zoneId), ...configured(zone.zoneId)]) {
      for (const query of ['', '?x']) {
        const response = await get(path + query);
        expect([path, response.status]).toEqual([path, 200]);
        answers.push({
          text: await response.text(),
          etag: response.headers.get('etag'),
          type: response.headers.get('content-type'),
        });
      }
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.type).toBe('application/json; charset=utf-8');
  });

  test('has beyond that what OpenID Connect Discovery requires, at its places', async () => {
    const { signed_metadata: _, ...plain } = await metadataOf(zone);
    const documents = [];
    for (const path of openid(zone.zoneId)) documents.push(await documentAt(path));
    const { signed_metadata: signed, ...first } = documents[0] ?? {};
    expect(first).toEqual({
      ...plain,
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    expect(signed).toEqual(expect.any(String));
    expect(documents[1]).toEqual(documents[0]);
  });

  test('names no endpoint that does not answer', async () => {
    const members = Object.entries(await metadataOf(zone));
    const urls = members.filter(
      ([name, value]) => name !== 'issuer' && String(value).startsWith(ISSUER_URL),
    );
    expect(urls.map(([name]) => name)).toEqual(
      expect.arrayContaining(['authorization_endpoint', 'jwks_uri', 'token_endpoint']),
    );
    for (const [name, url] of urls) {
      const routes = [];
      for (const method of ['GET', 'POST']) {
        const response = await persistently(() => fetch(here(String(url)), { method }));
        const body = (await response.json().catch(() => ({}))) as Document;
        const missed = body['error_description'] === 'no such route';
        if (response.status !== 405 && !missed) routes.push(method);
      }
      expect([name, routes]).not.toEqual([name, []]);
    }
  });

  test('leads to a token endpoint that takes each grant and each method that it names', async () => {
    const document = await metadataOf(zone);
    const url = here(String(document['token_endpoint'])).replace('/oauth/2/token', '');
    const body = { grant_type: 'client_credentials', resource: zone.resource, scope: 'a:read' };
    const { clientId, secret } = zone;
    const basic = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
    const byBasic = await postForm(url, body, { authorization: basic });
    expect(byBasic.status).toBe(200);
    const byPost = await postForm(url, { ...body, client_id: clientId, client_secret: secret });
    expect(byPost.status).toBe(200);
    const other = await postForm(
      url,
      { ...body, grant_type: 'password' },
      { authorization: basic },
    );
    expect(other.body['error']).toBe('unsupported_grant_type');
    expect(document['grant_types_supported']).not.toContain('password');
  });

  test('has an authorization endpoint, which sends nobody anywhere', async () => {
    const { authorization_endpoint: url } = await metadataOf(zone);
    const client = '&client_id=x&redirect_uri=https%3A%2F%2Fevil.example';
    for (const at of [here(String(url)), `${replica.url}/oauth/2/authorize`]) {
      for (const [query, status, error] of [
        ['?response_type=code', 400, 'unsupported_response_type'],
        ['?response_type=none', 403, 'access_denied'],
        ['?response_type=none&response_type=none', 400, 'unsupported_response_type'],
        ['?x', 400, 'unsupported_response_type'],
      ] as const) {
        for (const method of ['GET', 'POST']) {
          const response = await fetch(at + query + client, { method, redirect: 'manual' });
          expect([query, response.status]).toEqual([query, status]);
          expect(await response.json()).toMatchObject({ error });
        }
      }
    }
  });

  test('names the languages of its pages, as they are now', async () => {
    const there = await zoneOfMode('zone');
    const named = async () => (await metadataOf(there))['ui_locales_supported'];
    expect(await named()).toEqual(['en']);
    await there.admin('PATCH', '', { languages: ['de', 'en'] });
    await expect.poll(named).toEqual(['de', 'en']);
    const [path = ''] = openid(there.zoneId);
    expect(await documentAt(path)).toMatchObject({ ui_locales_supported: ['de', 'en'] });
    await there.admin('PATCH', '', { languages: null });
    await expect.poll(named).toEqual(['en']);
  });

  test('names listed resources and their scopes, and no others', async () => {
    const listing = await zoneOfMode('zone');
    expect(await metadataOf(listing)).not.toHaveProperty('protected_resources');
    expect(await metadataOf(listing)).not.toHaveProperty('scopes_supported');
    await rows(
      replica.databaseUrl,
      `UPDATE resources SET listed = true, scopes = '{a:read,offline_access,a:write}'
        WHERE zone_id = $1 AND identifier = $2`,
      [listing.zoneId, listing.resource],
    );
    await expect
      .poll(async () => (await metadataOf(listing))['protected_resources'])
      .toEqual([listing.resource]);
    expect((await metadataOf(listing))['scopes_supported']).toEqual(['a:read', 'a:write']);
  });

  test('names none rather than half of them, where there are very many', async () => {
    const many = await zoneOfMode('zone');
    await rows(
      replica.databaseUrl,
      `INSERT INTO resources (zone_id, id, identifier, scopes, access, operations, listed)
       SELECT $1, gen_random_uuid(), 'https://' || n || '.example', '{s}', 'direct', '[]', true
         FROM generate_series(1, 1001) AS n`,
      [many.zoneId],
    );
    await expect.poll(async () => (await metadataOf(many))['scopes_supported']).toEqual(['s']);
    expect(await metadataOf(many)).not.toHaveProperty('protected_resources');
  });
});

describe('a zone that shares its issuer', () => {
  test('has no metadata where a client would look that knows its issuer', async () => {
    const shared = await zoneOfMode('shared');
    await expect.poll(async () => (await metadataOf(shared))['issuer']).toBe(ISSUER_URL);
    for (const path of [...server(shared.zoneId), ...openid(shared.zoneId)]) {
      await expect.poll(async () => (await get(path)).status).toBe(404);
    }
    const document = await metadataOf(shared);
    expect(document).toMatchObject({
      issuer: ISSUER_URL,
      jwks_uri: `${issuer.replace(zone.zoneId, shared.zoneId)}/.well-known/jwks.json`,
    });
  });

  test('is found by what is so for all of them', async () => {
    await zoneOfMode('shared');
    const path = '/.well-known/oauth-authorization-server';
    await expect.poll(async () => (await get(path)).status).toBe(200);
    const document = await documentAt(path);
    expect(document).toMatchObject({
      issuer: ISSUER_URL,
      token_endpoint: `${ISSUER_URL}/oauth/2/token`,
    });
    // Keys are a zone's.
    expect(document).not.toHaveProperty('jwks_uri');
    expect(document).not.toHaveProperty('signed_metadata');
    expect((await get('/.well-known/openid-configuration')).status).toBe(404);
  });
});

describe('the metadata of a resource', () => {
  const idOf = async (identifier: string) => {
    const { items } = (await zone.admin('GET', '/resources')) as { items: Document[] };
    return String(items.find((one) => one['identifier'] === identifier)?.['id']);
  };

  test('says what it is, who issues for it, and what may be asked for', async () => {
    const id = await idOf(zone.resource);
    const paths = [
      `/zones/${zone.zoneId}/resources/${id}/metadata`,
      `/.well-known/oauth-protected-resource/zones/${zone.zoneId}/resources/${id}`,
    ];
    const [one, two] = [await documentAt(paths[0] ?? ''), await documentAt(paths[1] ?? '')];
    const { signed_metadata: signed, ...document } = one;
    expect(document).toEqual({
      resource: zone.resource,
      authorization_servers: [issuer],
      scopes_supported: ['a:read', 'a:write', 'shared'],
      bearer_methods_supported: ['header'],
      tls_client_certificate_bound_access_tokens: false,
      dpop_bound_access_tokens_required: false,
      revocation: 'expiry',
    });
    expect(two).toEqual(one);
    const { payload } = await jwtVerify(String(signed), keys(zone), { issuer, typ: 'JWT' });
    expect(payload).toEqual({ iss: issuer, iat: expect.any(Number), ...document });
  });

  test('follows what is registered', async () => {
    const changing = await zoneOfMode('zone');
    const { id } = await changing.admin('POST', '/resources', {
      identifier: 'https://orders.example/',
      scopes: ['offline_access', 'read'],
    });
    const path = `/zones/${changing.zoneId}/resources/${String(id)}/metadata`;
    const document = await documentAt(path);
    expect(document).toMatchObject({ resource: 'https://orders.example/' });
    expect(document['scopes_supported']).toEqual(['read']);
    await rows(
      replica.databaseUrl,
      `UPDATE resources SET revocation = 'feed' WHERE zone_id = $1 AND id = $2`,
      [changing.zoneId, id],
    );
    await expect.poll(async () => (await documentAt(path))['revocation']).toBe('feed');
    await changing.admin('DELETE', `/resources/${String(id)}`);
    await expect.poll(async () => (await get(path)).status).toBe(404);
  });

  test('is of its own zone only', async () => {
    const other = await zoneOfMode('zone');
    const id = await idOf(zone.resource);
    expect((await get(`/zones/${other.zoneId}/resources/${id}/metadata`)).status).toBe(404);
  });
});

const keys = ({ zoneId }: TestZone) =>
  createRemoteJWKSet(new URL(`${replica.url}/zones/${zoneId}/.well-known/jwks.json`));

describe('signed metadata', () => {
  test('is the same members, by a key of the zone', async () => {
    const { signed_metadata: signed, ...document } = await metadataOf(zone);
    const { payload, protectedHeader } = await jwtVerify(String(signed), keys(zone));
    expect(protectedHeader.typ).toBe('JWT');
    expect(payload).toEqual({ iss: issuer, iat: expect.any(Number), ...document });
  });

  test('is made once, and again when the key is another one', async () => {
    const rotating = await zoneOfMode('zone');
    await expect
      .poll(async () => (await metadataOf(rotating))['issuer'])
      .toBe(`${ISSUER_URL}/zones/${rotating.zoneId}`);
    const before = await metadataOf(rotating);
    for (const path of server(rotating.zoneId)) expect(await documentAt(path)).toEqual(before);
    // A change that does not show makes no other signature, and so no other entity tag.
    await rotating.admin('POST', '/resources', { identifier: 'https://x.example', scopes: [] });
    expect(await metadataOf(rotating)).toEqual(before);
    const kid = (document: Document) =>
      decodeProtectedHeader(String(document['signed_metadata'])).kid;
    await rotating.admin('POST', '/signing-key/rotate?emergency=true');
    await expect.poll(async () => kid(await metadataOf(rotating))).not.toBe(kid(before));
  });

  test('is not there while no key can be opened, and all else is', async () => {
    const sealed = await zoneOfMode('zone');
    await rows(
      replica.databaseUrl,
      `UPDATE signing_keys SET sealed_private_key = 'broken' WHERE zone_id = $1`,
      [sealed.zoneId],
    );
    await expect.poll(async () => (await sealed.session()).status).toBe(503);
    const document = await metadataOf(sealed);
    expect(document).toMatchObject({ issuer: expect.stringContaining(sealed.zoneId) });
    expect(document).not.toHaveProperty('signed_metadata');
  });

  test('is no token that can be exchanged', async () => {
    const { signed_metadata: signed } = await metadataOf(zone);
    for (const type of ['access_token', 'jwt']) {
      const answer = await zone.exchange({
        subject_token: String(signed),
        subject_token_type: `urn:ietf:params:oauth:token-type:${type}`,
      });
      expect([type, answer.status]).toEqual([type, 400]);
    }
  });
});

describe('every document', () => {
  const places = () => [...server(zone.zoneId), ...openid(zone.zoneId), ...configured(zone.zoneId)];

  test('can be kept, by anybody, and is not sent again to who has it', async () => {
    for (const path of places()) {
      const response = await get(path, { headers: { origin: 'https://page.test' } });
      const { headers } = response;
      expect(headers.get('cache-control')).toBe('public, max-age=300, stale-if-error=3600');
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const etag = headers.get('etag') ?? '';
      expect(etag).toMatch(/^"[A-Za-z0-9_-]+"$/);
      for (const method of ['GET', 'HEAD']) {
        const again = await get(path, { method, headers: { 'if-none-match': etag } });
        expect([path, again.status, await again.text()]).toEqual([path, 304, '']);
      }
      const head = await get(path, { method: 'HEAD' });
      expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, '']);
      const preflight = await get(path, {
        method: 'OPTIONS',
        headers: { origin: 'https://page.test', 'access-control-request-method': 'GET' },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-headers')).toContain(
        'MCP-Protocol-Version',
      );
    }
  });

  test('is missed in one way, whatever the zone', async () => {
    const answers = new Set<string>();
    const removed = await zoneOfMode('zone');
    await metadataOf(removed);
    const path = `/zones/${removed.zoneId}`;
    await persistently(() =>
      fetch(`${replica.url}/internal${path}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${replica.adminToken}` },
      }),
    );
    await expect.poll(async () => (await get(`${path}/metadata`)).status).toBe(404);
    const unknown = [randomUUID(), 'x', `${zone.zoneId}%0a`, zone.zoneId.toUpperCase(), '%00'];
    for (const id of [removed.zoneId, ...unknown]) {
      const resource = `/zones/${id}/resources/${randomUUID()}/metadata`;
      for (const place of [...server(id), ...openid(id), ...configured(id), resource]) {
        const response = await get(place);
        expect([place, response.status]).toEqual([place, 404]);
        expect(response.headers.get('cache-control')).toBe('no-store');
        expect(response.headers.get('etag')).toBeNull();
        const body = (await response.json()) as object;
        answers.add(JSON.stringify({ ...body, requestId: '' }));
      }
    }
    expect(answers.size).toBe(1);
  });
});
