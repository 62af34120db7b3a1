import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

/** Of a machine that is so busy that it says so, one asks again. */
const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  persistently(() => callAdmin(replica, method, path, body, headers));

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  ask(method, `/zones/${zone.zoneId}${path}`, body, headers);

const tagOf = ({ headers }: Answer) => String(headers.get('etag'));

/** What can be changed under a condition: how it is made, and two changes of it. */
const NOUNS = {
  zone: {
    make: () => ask('POST', '/zones', { name: `zone ${randomUUID()}` }),
    at: (id: string) => `/zones/${id}`,
    change: () => ({ name: `other ${randomUUID()}` }),
  },
  resource: {
    make: () => call('POST', '/resources', { identifier: `urn:${randomUUID()}`, scopes: ['a'] }),
    at: (id: string) => `/zones/${zone.zoneId}/resources/${id}`,
    change: () => ({ scopes: ['a', randomUUID()] }),
  },
  scope: {
    make: () => call('POST', '/scopes', { name: randomUUID() }),
    at: (id: string) => `/zones/${zone.zoneId}/scopes/${id}`,
    change: () => ({ description: `for ${randomUUID()}` }),
  },
  client: {
    make: () => call('POST', '/clients', { name: `client ${randomUUID()}` }),
    at: (id: string) => `/zones/${zone.zoneId}/clients/${id}`,
    change: () => ({ labels: [randomUUID()] }),
  },
} as const;

describe.each(Object.entries(NOUNS))('a %s', (_name, { make, at, change }) => {
  const made = async () => {
    const answer = await make();
    const path = at(String(answer.body['id']));
    const on = (method: string, body?: unknown, headers?: Record<string, string>) =>
      ask(method, path, body, headers);
    return { answer, on };
  };

  test('has one entity tag, whoever is asked, until it is changed', async () => {
    const { answer, on } = await made();
    const shown = await on('GET');
    expect(tagOf(shown)).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
    expect(tagOf(answer)).toBe(tagOf(shown));
    expect(tagOf(await on('PATCH', {}))).toBe(tagOf(shown));
    const changed = await on('PATCH', change());
    expect(changed.status).toBe(200);
    expect(tagOf(changed)).not.toBe(tagOf(shown));
    const again = await on('GET');
    expect([tagOf(again), again.body]).toEqual([tagOf(changed), changed.body]);
  });

  test('is not changed and not removed under the tag of what it was', async () => {
    const { answer, on } = await made();
    const old = { 'if-match': tagOf(answer) };
    const changed = await on('PATCH', change(), old);
    expect(changed.status).toBe(200);
    for (const late of [await on('PATCH', change(), old), await on('DELETE', undefined, old)]) {
      expect([late.status, late.body['error']]).toEqual([412, 'precondition_failed']);
      expect(await zone.audit(late.requestId)).toEqual([]);
    }
    expect((await on('GET')).body).toEqual(changed.body);
    for (const wrong of [`W/${tagOf(changed)}`, tagOf(changed).slice(1, -1), '', '"x"']) {
      expect((await on('PATCH', change(), { 'if-match': wrong })).status).toBe(412);
    }
    const listed = `"other", ${tagOf(changed)}`;
    expect((await on('PATCH', change(), { 'if-match': listed })).status).toBe(200);
    expect((await on('DELETE', undefined, { 'if-match': '*' })).status).toBe(204);
    expect((await on('PATCH', change(), { 'if-match': '*' })).status).toBe(404);
  });

  test('takes a merge patch, and nothing else', async () => {
    const { on } = await made();
    const patch = { 'content-type': 'application/merge-patch+json' };
    expect((await on('PATCH', change(), patch)).status).toBe(200);
    expect((await on('PATCH', { id: randomUUID() }, patch)).status).toBe(400);
    const list = { 'content-type': 'application/json-patch+json' };
    expect((await on('PATCH', [], list)).status).toBe(415);
    expect((await call('POST', '/clients', { name: 'patch' }, patch)).status).toBe(415);
  });
});

test('of changes that meet under a condition none is lost', async () => {
  const made = await NOUNS.client.make();
  const at = `/clients/${String(made.body['id'])}`;
  const labels = Array.from({ length: 20 }, (_, i) => `label ${i}`);
  const add = async (label: string): Promise<number> => {
    const before = await call('GET', at);
    const there = before.body['labels'] as string[];
    // It is what came of a request that was answered "not now", and was sent again.
    if (there.includes(label)) return 0;
    const changed = await call(
      'PATCH',
      at,
      { labels: [...there, label] },
      { 'if-match': tagOf(before) },
    );
    return changed.status === 412 ? 1 + (await add(label)) : 0;
  };
  const lost = await Promise.all(labels.map(add));
  expect((await call('GET', at)).body['labels']).toEqual(labels.toSorted());
  // They did meet, or nothing is shown.
  expect(lost.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
});

describe('a resource that is changed', () => {
  const newResource = async (body: object = {}) => {
    const identifier = `urn:${randomUUID()}`;
    const made = await call('POST', '/resources', { identifier, scopes: ['a', 'b'], ...body });
    const at = `/resources/${String(made.body['id'])}`;
    const session = (scope: string) =>
      persistently(() => zone.session({ resource: identifier, scope }));
    return { at, session, made };
  };

  test('grants a scope from the next request on, and refuses one', async () => {
    const { at, session, made } = await newResource();
    expect((await session('a')).status).toBe(200);
    expect((await session('c')).body['error']).toBe('invalid_scope');
    const changed = await call('PATCH', at, { scopes: ['c', 'b', 'b'] });
    const { updated_at: _before, ...kept } = made.body;
    expect(changed.body).toMatchObject({ ...kept, scopes: ['b', 'c'] });
    expect((await session('b c')).status).toBe(200);
    expect((await session('a')).body['error']).toBe('invalid_scope');
    const [event] = await zone.audit(changed.requestId);
    expect(event?.event).toMatchObject({
      type: 'admin.resource.changed',
      before: { scopes: ['a', 'b'] },
      after: { scopes: ['b', 'c'] },
    });
  });

  test('keeps what is left out, and loses what is null', async () => {
    const settings = {
      upstream_url: 'http://upstream.test/',
      owner_client_id: zone.clientId,
      access: 'gateway',
      operations: [{ method: 'GET', path: '/', scope: 'a' }],
    };
    const { at, made } = await newResource(settings);
    expect(made.body).toMatchObject(settings);
    const one = await call('PATCH', at, { upstream_url: 'http://other.test/' });
    const { updated_at: since, ...rest } = one.body;
    const { updated_at: before, ...kept } = made.body;
    expect(rest).toEqual({ ...kept, upstream_url: 'http://other.test/' });
    expect([before, String(since) > String(before)]).toEqual([made.body['created_at'], true]);
    const none = await call('PATCH', at, {
      upstream_url: null,
      owner_client_id: null,
      access: null,
      operations: null,
    });
    expect(none.body).toMatchObject({
      upstream_url: null,
      owner_client_id: null,
      access: 'direct',
      operations: [],
    });
  });

  test('gets the key of its new algorithm', async () => {
    const { at } = await newResource();
    const changed = await call('PATCH', at, { signing_alg: 'EdDSA' });
    expect(changed.body).toMatchObject({ signing_alg: 'EdDSA' });
    const [event] = await zone.audit(changed.requestId);
    expect(event?.event).toMatchObject({ keys: { published: [expect.any(String)] } });
    const back = await call('PATCH', at, { signing_alg: null });
    expect(back.body).not.toHaveProperty('signing_alg');
  });

  test('says how its verifiers learn of revocations, who introspects, and whether it is listed', async () => {
    const settings = {
      revocation: 'status_list',
      listed: true,
      introspection_client_ids: [zone.clientId],
    };
    const { at, made } = await newResource(settings);
    expect(made.body).toMatchObject(settings);
    const { clientId } = await zone.newClient();
    const changed = await call('PATCH', at, {
      revocation: 'introspect',
      introspection_client_ids: [clientId.toUpperCase(), zone.clientId, clientId],
    });
    const both = [clientId, zone.clientId].toSorted();
    expect(changed.body).toMatchObject({
      revocation: 'introspect',
      listed: true,
      introspection_client_ids: both,
    });
    const [event] = await zone.audit(changed.requestId);
    expect(event?.event).toMatchObject({ before: settings, after: { revocation: 'introspect' } });
    // One that was removed stays, until it is left out; it is no one that can be added.
    await zone.admin('DELETE', `/clients/${clientId}`);
    const kept = await call('PATCH', at, { introspection_client_ids: both, listed: false });
    expect(kept.body).toMatchObject({ introspection_client_ids: both, listed: false });
    const none = await call('PATCH', at, {
      revocation: null,
      listed: null,
      introspection_client_ids: null,
    });
    expect(none.body).toMatchObject({ listed: false, introspection_client_ids: [] });
    expect(none.body).not.toHaveProperty('revocation');
    const removed = { introspection_client_ids: [clientId] };
    expect((await call('PATCH', at, removed)).status).toBe(422);
    const foreign = { introspection_client_ids: [(await createTestZone(replica)).clientId] };
    expect((await call('PATCH', at, foreign)).status).toBe(422);
    const identifier = `urn:${randomUUID()}`;
    const registered = await call('POST', '/resources', { identifier, scopes: [], ...foreign });
    expect(registered.status).toBe(422);
  });

  test.each([
    { identifier: 'no uri' },
    { revocation: 'never' },
    { listed: 'yes' },
    { introspection_client_ids: ['me'] },
    { introspection_client_ids: Array.from({ length: 101 }, () => randomUUID()) },
    { generation: 1 },
    { scopes: null },
    { scopes: ['a b'] },
    { scopes: ['a\0'] },
    { access: 'anybody' },
    { upstream_url: 'ftp://x.test' },
    { operations: [{ method: 'GET' }] },
    { signing_alg: 'none' },
    { owner_client_id: 'me' },
  ])('is not changed by %j', async (body) => {
    const { at, made } = await newResource();
    expect((await call('PATCH', at, body)).status).toBe(400);
    expect((await call('GET', at)).body).toEqual(made.body);
  });

  test('is of its zone, and belongs to a client of that', async () => {
    const { at } = await newResource();
    const other = await createTestZone(replica);
    const elsewhere = `/zones/${other.zoneId}${at}`;
    expect((await ask('PATCH', elsewhere, { scopes: [] })).status).toBe(404);
    const foreign = await call('PATCH', at, { owner_client_id: other.clientId });
    expect(foreign.status).toBe(409);
  });
});

describe('a name', () => {
  test('is changed, and is one alone', async () => {
    const [one, other] = [await NOUNS.client.make(), await NOUNS.client.make()];
    const at = `/clients/${String(one.body['id'])}`;
    const taken = await call('PATCH', at, { name: other.body['name'] });
    expect(taken.status).toBe(409);
    expect((await call('PATCH', at, { name: 'renamed' })).body).toMatchObject({ name: 'renamed' });
    for (const name of [null, '', ' x', 'a\0', 'x'.repeat(201)]) {
      expect((await call('PATCH', at, { name })).status).toBe(400);
    }
  });
});
