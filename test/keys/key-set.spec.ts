import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, createRemoteJWKSet, jwtVerify, type JWK } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const get = (query: string, init: RequestInit = {}) =>
  fetch(`${replica.url}/.well-known/jwks.json${query}`, init);
const keySet = (headers: Record<string, string> = {}, method = 'GET') =>
  get(`?zone_id=${zone.zoneId}`, { headers, method });

describe('the key set', () => {
  test('is public, cacheable, and what it says it is', async () => {
    const response = await keySet();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300, stale-if-error=3600');
    expect(response.headers.get('etag')).toMatch(/^"[A-Za-z0-9_-]+"$/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('vary')).toBe('Accept, X-Forwarded-Host');
  });

  test('has the members of a public key and no others', async () => {
    const { keys, ...rest } = (await (await keySet()).json()) as { keys: JWK[] };
    expect(rest).toEqual({});
    expect(keys).toHaveLength(1);
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' });
      expect(key.kid).toBe(await calculateJwkThumbprint(key));
    }
  });

  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json, application/jwk-set+json', 'application/json'],
    ['application/jwk-set+json', 'application/jwk-set+json'],
    ['application/json;q=0.5, application/jwk-set+json', 'application/jwk-set+json'],
    ['application/jwk-set+json;q=0, */*', 'application/json'],
    ['text/html', 'application/json'],
    [', ;q=,,\u00ff/', 'application/json'],
    [`application/jwk-set+json,${'a/b,'.repeat(200)}`, 'application/jwk-set+json'],
    [`application/jwk-set+json,${'a/b,'.repeat(3_000)}`, 'application/json'],
  ])('to who accepts %j is of the type %s', async (accept, type) => {
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    // What is in memory is answered in front of the routes, which answer what has a query beside it.
    for (const query of ['', '?x']) {
      const at = `${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json${query}`;
      const response = await fetch(at, { headers });
      expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    }
  });

  test('can be read by pages of any origin, with its tag', async () => {
    for (const query of [`?zone_id=${zone.zoneId}`, '', `?zone_id=${zone.zoneId}&x`]) {
      const response = await get(query, { headers: { origin: 'https://page.test' } });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-expose-headers')).toBe('ETag');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
    for (const path of [`/zones/${zone.zoneId}/.well-known/jwks.json`, '/.well-known/jwks.json']) {
      const preflight = await fetch(`${replica.url}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://page.test',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'if-none-match',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
      expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
      expect(preflight.headers.get('access-control-allow-headers')).toBe(
        'If-None-Match, MCP-Protocol-Version',
      );
    }
  });

  test('is the same on HEAD, without its body', async () => {
    const [got, head] = [await keySet(), await keySet({}, 'HEAD')];
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    for (const name of ['etag', 'cache-control', 'content-type', 'content-length']) {
      expect(head.headers.get(name)).toBe(got.headers.get(name));
    }
  });

  test.each([
    ['itself', (etag: string) => etag],
    ['its weak form', (etag: string) => `W/${etag}`],
    ['a list with it', (etag: string) => `"other", ${etag}`],
    ['a list with its weak form, without spaces', (etag: string) => `"other",W/${etag},"x"`],
    ['anything', () => '*'],
  ])('is not sent again to who names %s', async (_case, form) => {
    const etag = (await keySet()).headers.get('etag') ?? '';
    for (const method of ['GET', 'HEAD']) {
      const response = await keySet({ 'if-none-match': form(etag) }, method);
      expect(response.status).toBe(304);
      expect(await response.text()).toBe('');
      expect(response.headers.get('etag')).toBe(etag);
      expect(response.headers.get('cache-control')).toBe(
        'public, max-age=300, stale-if-error=3600',
      );
    }
  });

  test('is sent to who names another, or half of it', async () => {
    const etag = (await keySet()).headers.get('etag') ?? '';
    for (const other of ['"other"', etag.slice(0, -1), etag.slice(1, -1), '']) {
      expect((await keySet({ 'if-none-match': other })).status).toBe(200);
    }
  });

  test('changes its tag when a key is added, and is each zone its own', async () => {
    const changing = await createTestZone(replica);
    const path = `?zone_id=${changing.zoneId}`;
    const before = (await get(path)).headers.get('etag') ?? '';
    expect(before).not.toBe((await keySet()).headers.get('etag'));
    await changing.admin('POST', '/signing-key/rotate');
    const headers = { 'if-none-match': before };
    await expect.poll(async () => (await get(path, { headers })).status).toBe(200);
  });

  test('has an address without a query as well, with the same bytes', async () => {
    const path = `${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json`;
    const [one, two] = [await keySet(), await fetch(path)];
    expect(await two.text()).toBe(await one.text());
    for (const name of ['etag', 'cache-control', 'content-type', 'x-content-type-options']) {
      expect(two.headers.get(name)).toBe(one.headers.get(name));
    }
    const headers = { 'if-none-match': one.headers.get('etag') ?? '' };
    expect((await fetch(path, { headers })).status).toBe(304);
    expect((await fetch(path, { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    for (const unknown of [randomUUID(), 'x', `${zone.zoneId}%0a`, zone.zoneId.toUpperCase()]) {
      const missed = await fetch(`${replica.url}/zones/${unknown}/.well-known/jwks.json`);
      expect(missed.status).toBe(404);
      expect(await missed.json()).toMatchObject({ error_description: 'no such zone' });
    }
  });

  test('has the address that Ubisecure SSO has for it, with the same bytes and its own type', async () => {
    const path = `${replica.url}/zones/${zone.zoneId}/oauth2/metadata.jwks`;
    const one = await keySet();
    const json = 'application/json; charset=utf-8';
    const jwkSet = 'application/jwk-set+json; charset=utf-8';
    for (const query of ['', '?x']) {
      for (const [accept, type] of [
        ['*/*', jwkSet],
        ['application/json', json],
        ['application/json;q=0.5, */*', jwkSet],
        ['text/html', jwkSet],
      ] as const) {
        const two = await fetch(path + query, { headers: { accept } });
        expect([accept, two.headers.get('content-type')]).toEqual([accept, type]);
        expect(two.headers.get('etag')).toBe(one.headers.get('etag'));
      }
    }
    const preflight = await fetch(path, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
    const unknown = `${replica.url}/zones/${randomUUID()}/oauth2/metadata.jwks`;
    expect((await fetch(unknown)).status).toBe(404);
  });

  test('needs no private key: it is served when none can be opened', async () => {
    const sealed = await createTestZone(replica);
    await rows(
      replica.databaseUrl,
      `UPDATE signing_keys SET sealed_private_key = 'broken' WHERE zone_id = $1`,
      [sealed.zoneId],
    );
    await expect.poll(async () => (await sealed.session()).status).toBe(503);
    expect((await get(`?zone_id=${sealed.zoneId}`)).status).toBe(200);
  });
});

test('there is one 404 for every zone that is not there', async () => {
  const queries = [
    '',
    '?',
    '?zone_id=',
    '?zone_id',
    `?zone_id=${randomUUID()}`,
    '?zone_id=x',
    `?zone_id=${zone.zoneId.toUpperCase()}`,
    `?zone_id=${zone.zoneId}%0a`,
    `?zone_id=%20${zone.zoneId}`,
    `?zone_id=${zone.zoneId}&zone_id=${zone.zoneId}`,
    `?zone_id[]=${zone.zoneId}`,
    `?zone_id[a]=${zone.zoneId}`,
    `?ZONE_ID=${zone.zoneId}`,
    `?zone_id=%ff`,
    `?zone_id=%00`,
    `?zone_id=${'a'.repeat(4_000)}`,
  ];
  const answers = new Set<string>();
  for (const query of queries) {
    const response = await get(query);
    expect([query, response.status]).toEqual([query, 404]);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('etag')).toBeNull();
    const body = (await response.json()) as object;
    answers.add(JSON.stringify({ ...body, requestId: '' }));
  }
  expect(answers.size).toBe(1);
});

test('other methods are told so', async () => {
  const response = await keySet({}, 'POST');
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
});

const jwks = (at = zone) =>
  createRemoteJWKSet(new URL(`${replica.url}/.well-known/jwks.json?zone_id=${at.zoneId}`));

describe('a verifier', () => {
  const expectedOf = ({ issuer }: TestZone) => ({ issuer, typ: 'at+jwt', algorithms: ['ES256'] });

  test('verifies a mandate with nothing but the key set', async () => {
    const token = String((await zone.exchange()).body['access_token']);
    const expected = { ...expectedOf(zone), audience: zone.resource };
    const { payload } = await jwtVerify(token, jwks(), expected);
    expect(payload).toMatchObject({ zone_id: zone.zoneId, use: 'resource', scope: 'a:read' });
  });

  test('finds no key for a mandate of another zone', async () => {
    const other = await createTestZone(replica);
    const token = String((await other.exchange()).body['access_token']);
    const expected = expectedOf(other);
    await expect(jwtVerify(token, jwks(), expected)).rejects.toThrow(/no applicable key/);
    await expect(jwtVerify(token, jwks(other), expected)).resolves.toBeDefined();
  });
});
