import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rows, startReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { sendRaw } from '../setup/raw-request.js';

const NO_ID = '00000000-0000-7000-8000-000000000000';

const ROUTES = [
  ['POST', '/zones'],
  ['GET', '/zones'],
  ['GET', `/zones/${NO_ID}`],
  ['DELETE', `/zones/${NO_ID}`],
  ['PUT', `/zones/${NO_ID}/policy`],
  ['PATCH', `/zones/${NO_ID}/clients/${NO_ID}`],
  ['POST', `/zones/${NO_ID}/signing-key/rotate`],
  ['POST', '/policy/simulate'],
  ['GET', `/policy/status/${NO_ID}`],
  ['GET', '/no-such-thing'],
  ['GET', ''],
] as const;
/** Of a method that the route does not have. */
const NO_ROUTE = ['PUT', '/zones'] as const;

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});

afterAll(async () => {
  await replica?.stop();
});

describe('without a configured admin key', () => {
  test('nothing under /internal exists', async () => {
    const closed = await startReplicaForTest({
      databaseUrl: replica.databaseUrl,
      env: { ADMIN_TOKEN: '' },
    });
    const bodies = new Set<string>();
    for (const [method, path] of [...ROUTES, NO_ROUTE]) {
      for (const token of ['', 'Bearer ', 'Bearer undefined', `Bearer ${replica.adminToken}`]) {
        const answer = await sendRaw(closed, method, path, undefined, { authorization: token });
        expect([method, path, answer.status]).toEqual([method, path, 404]);
        expect(answer.headers.get('www-authenticate')).toBeNull();
        expect(answer.headers.get('allow')).toBeNull();
        bodies.add(JSON.stringify({ ...answer.json, requestId: '' }));
      }
    }
    expect([...bodies]).toEqual([
      JSON.stringify({ error: 'not_found', error_description: 'no such route', requestId: '' }),
    ]);
  });

  test('no body is looked at', async () => {
    const closed = await startReplicaForTest({
      databaseUrl: replica.databaseUrl,
      env: { ADMIN_TOKEN: '' },
    });
    expect((await sendRaw(closed, 'POST', '/zones', '{')).status).toBe(404);
    const text = { 'content-type': 'text/plain' };
    expect((await sendRaw(closed, 'POST', '/zones', 'x', text)).status).toBe(404);
  });
});

describe('the admin key', () => {
  const wrong: readonly (readonly [string, () => string | undefined])[] = [
    ['missing', () => undefined],
    ['empty', () => ''],
    ['no key', () => 'Bearer'],
    ['an empty key', () => 'Bearer '],
    ['another key', () => 'Bearer another-admin-token-0123456789'],
    ['a longer key', () => `Bearer ${replica.adminToken}x`],
    ['a shorter key', () => `Bearer ${replica.adminToken.slice(0, -1)}`],
    ['other case', () => `Bearer ${replica.adminToken.toUpperCase()}`],
    ['more words', () => `Bearer ${replica.adminToken} x`],
    ['the wrong scheme', () => `Token ${replica.adminToken}`],
    ['no scheme', () => replica.adminToken],
    ['Basic', () => `Basic ${Buffer.from(`admin:${replica.adminToken}`).toString('base64')}`],
    ['a comma', () => `Bearer ${replica.adminToken}, Bearer x`],
    ['very long', () => `Bearer ${'x'.repeat(8_000)}`],
  ];

  test.each(wrong)('is refused if it is %s', async (_name, authorization) => {
    const value = authorization();
    const response = await fetch(`${replica.url}/internal/zones`, {
      headers: value === undefined ? {} : { authorization: value },
    });
    expect(response.status).toBe(401);
    // RFC 6750 3.1: no error code for who has tried no bearer.
    expect(response.headers.get('www-authenticate')).toBe(
      /^bearer\b/i.test(value ?? '')
        ? 'Bearer realm="mandate admin", error="invalid_token"'
        : 'Bearer realm="mandate admin"',
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      error: 'invalid_token',
      error_description: 'a valid admin key is required',
      requestId: response.headers.get('x-request-id'),
    });
  });

  test('is not taken from the query or the body', async () => {
    const query = await fetch(`${replica.url}/internal/zones?access_token=${replica.adminToken}`);
    expect(query.status).toBe(401);
    const body = new URLSearchParams({ access_token: replica.adminToken });
    const form = await fetch(`${replica.url}/internal/zones`, { method: 'POST', body });
    expect(form.status).toBe(401);
  });

  test.each(ROUTES)(
    'is needed for %s %s, before anything else is looked at',
    async (method, path) => {
      const body = method === 'GET' ? undefined : '{';
      const answer = await sendRaw(replica, method, path, body, { authorization: 'Bearer wrong' });
      expect(answer.status).toBe(401);
    },
  );

  test('lets in, whatever the case of the scheme', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const authorization = `${scheme} ${replica.adminToken}`;
      const answer = await sendRaw(replica, 'GET', '/zones', undefined, { authorization });
      expect(answer.status).toBe(200);
      expect(answer.json['items']).toEqual([]);
    }
  });
});

const zone = (name: string) => JSON.stringify({ name });

describe('a body', () => {
  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/jsonp', 415],
    ['application/merge-patch+json', 415],
    ['application/json; charset=utf-16', 415],
    ['application/json, text/plain', 415],
    ['application/json', 201],
    ['application/json; charset=utf-8', 201],
    ['Application/JSON;charset="UTF-8"', 201],
  ])('of type %s: %i', async (type, status) => {
    const answer = await sendRaw(replica, 'POST', '/zones', zone(type), { 'content-type': type });
    expect(answer.status).toBe(status);
  });

  test('without a type is refused', async () => {
    const body = new TextEncoder().encode(zone('untyped'));
    const response = await fetch(`${replica.url}/internal/zones`, {
      method: 'POST',
      headers: { authorization: `Bearer ${replica.adminToken}` },
      body,
    });
    expect(response.status).toBe(415);
  });

  test('in an encoding is refused', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await sendRaw(replica, 'POST', '/zones', zone('zip'), headers)).status).toBe(415);
  });

  test('over a megabyte is refused, and the connection goes on', async () => {
    const large = zone('x'.repeat(1_048_577));
    const answer = await sendRaw(replica, 'POST', '/zones', large);
    expect(answer.status).toBe(413);
    expect(answer.json['error']).toBe('invalid_request');
    expect((await sendRaw(replica, 'GET', '/zones')).status).toBe(200);
  });

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  test.each([
    ['no JSON', '{'],
    ['trailing text', '{"name":"a"} x'],
    ['a comment', '{"name":"a"/* */}'],
    ['single quotes', "{'name':'a'}"],
    ['null', 'null'],
    ['a text', '"name"'],
    ['a number', '1'],
    ['an empty array', '[]'],
    ['an array of bodies', '[{"name":"a"}]'],
    ['white space', '  '],
    ['a byte order mark', '\uFEFF{"name":"a"}'],
    ['a repeated member', '{"name":"a","name":"b"}'],
    ['a repeated member, escaped', String.raw`{"name":"a","nam\u0065":"b"}`],
    ['a NUL', String.raw`{"name":"a\u0000b"}`],
    ['a lone surrogate', String.raw`{"name":"a\ud800b"}`],
    ['a raw control character', '{"name":"a\tb"}'],
    ['__proto__', '{"name":"a","__proto__":{"name":"b"}}'],
    ['__proto__ alone', '{"__proto__":{"name":"b"}}'],
    ['100,000 levels', `{"name":${deep}}`],
  ])('that is %s is refused', async (_name, body) => {
    const answer = await sendRaw(replica, 'POST', '/zones', body);
    expect(answer.status).toBe(400);
    expect(answer.json['error']).toBe('invalid_request');
  });

  test('that is no UTF-8 is refused', async () => {
    const bytes = Uint8Array.from([...Buffer.from('{"name":"a'), 0xff, ...Buffer.from('"}')]);
    expect((await sendRaw(replica, 'POST', '/zones', bytes)).status).toBe(400);
  });

  test('that is empty is refused for what it lacks', async () => {
    const answer = await sendRaw(replica, 'POST', '/zones');
    expect(answer.status).toBe(400);
    expect(answer.json['error_description']).toMatch(/^name must/);
  });

  test('that was refused is not repeated to anyone, and leaves nothing behind', async () => {
    const canary = 'canary-4711';
    const answer = await sendRaw(replica, 'POST', '/zones', `{"name":"${canary}" oops`);
    expect(answer.text).not.toContain(canary);
    expect(replica.logs().join('\n')).not.toContain(canary);
    const zones = await rows<{ name: string }>(replica.databaseUrl, 'SELECT name FROM zones');
    expect(zones.filter(({ name }) => !/^application/i.test(name))).toEqual([]);
  });
});
