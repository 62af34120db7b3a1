import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { startLoad } from '../setup/load.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

const SYSTEM = ['email', 'offline_access', 'openid', 'profile'];

let replica: Replica;
let second: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  second = await sharedReplica('second');
  zone = await createTestZone(replica);
});

const ask = (method: string, path: string, body?: unknown) =>
  persistently(() => callAdmin(replica, method, path, body));
const call = (method: string, path: string, body?: unknown) =>
  ask(method, `/zones/${zone.zoneId}/scopes${path}`, body);

const newScope = async (body: object = {}) => {
  const name = `s:${randomUUID()}`;
  const made = await call('POST', '', { name, ...body });
  expect(made.status).toBe(201);
  return { name, id: String(made.body['id']) };
};

/** Sorted, as what is made at one moment is in no order. */
const namesIn = ({ body }: Answer) =>
  (body['items'] as { name: string }[]).map(({ name }) => name).toSorted();

const systemScope = async (name: string, of = zone) => {
  const { items } = await of.admin('GET', `/scopes?name=${name}`);
  return (items as { id: string }[])[0]?.id ?? '';
};

describe('system scopes', () => {
  test('are in each zone from the start, in whichever way it was made', async () => {
    const fresh = await createTestZone(replica);
    const shown = await ask('GET', `/zones/${fresh.zoneId}/scopes`);
    expect(namesIn(shown)).toEqual(SYSTEM);
    const system = { is_system: true, active: true, claims: [] };
    expect(shown.body['items']).toMatchObject(SYSTEM.map(() => system));
    const id = randomUUID();
    const [listed] = await rows<{ key: Buffer }>(
      replica.databaseUrl,
      'SELECT sealed_digest_key AS key FROM zones WHERE id = $1',
      [fresh.zoneId],
    );
    await rows(
      replica.databaseUrl,
      'INSERT INTO zone_directory (zone_id, name) VALUES ($1::uuid, $2::text)',
      [id, `zone ${id}`],
    );
    await rows(
      replica.databaseUrl,
      'INSERT INTO zones (id, name, sealed_digest_key) VALUES ($1, $2, $3)',
      [id, `zone ${id}`, listed?.key],
    );
    expect(namesIn(await ask('GET', `/zones/${id}/scopes`))).toEqual(SYSTEM);
    await rows(replica.databaseUrl, 'DELETE FROM zones WHERE id = $1', [id]);
  });

  test.each(SYSTEM)(
    'such as %s cannot be removed or renamed, and may be described',
    async (name) => {
      const id = await systemScope(name);
      const removed = await call('DELETE', `/${id}`);
      expect(removed).toMatchObject({ status: 409, body: { error: 'conflict' } });
      expect((await call('DELETE', `/${id}?dry_run=true`)).status).toBe(409);
      const renamed = await call('PATCH', `/${id}`, { name: 'other' });
      expect(renamed).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } });
      const described = await call('PATCH', `/${id}`, { name, description: 'In our own words' });
      expect(described).toMatchObject({
        status: 200,
        body: { name, description: 'In our own words', is_system: true },
      });
      expect((await call('POST', '', { name })).status).toBe(409);
    },
  );

  test('are granted for nothing that does not have them', async () => {
    const refused = await zone.session({ scope: 'openid' });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    await zone.admin('POST', '/resources', {
      identifier: 'resource://oidc',
      scopes: ['openid', 'own'],
    });
    const granted = await zone.session({ resource: 'resource://oidc', scope: 'openid' });
    expect(granted).toMatchObject({ status: 200, body: { scope: 'openid' } });
  });
});

describe('a scope', () => {
  test('is made, shown, changed and removed, with an audit event for each', async () => {
    const name = `s:${randomUUID()}`;
    const made = await call('POST', '', { name, description: 'Read it', claims: [] });
    const { id } = made.body;
    expect(made).toMatchObject({
      status: 201,
      body: { name, description: 'Read it', claims: [], active: true, is_system: false },
    });
    expect(made.headers.get('location')).toBe(
      `/internal/zones/${zone.zoneId}/scopes/${String(id)}`,
    );
    const path = `/${String(id)}`;
    const shown = await call('GET', path);
    expect(shown.body).toEqual(made.body);
    const changed = await call('PATCH', path, { description: null, active: false, claims: null });
    expect(changed).toMatchObject({ status: 200, body: { active: false } });
    expect(changed.body).not.toHaveProperty('description');
    expect(Date.parse(String(changed.body['updated_at']))).toBeGreaterThan(
      Date.parse(String(made.body['updated_at'])),
    );
    const removed = await call('DELETE', path);
    expect(removed.status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    const events = await Promise.all(
      [made, changed, removed].map(({ requestId }) => auditOf(replica.databaseUrl, requestId)),
    );
    expect(events.flat()).toMatchObject([
      { event: { type: 'admin.scope.created', scope: { name } } },
      {
        event: { type: 'admin.scope.changed', before: { active: true }, after: { active: false } },
      },
      { event: { type: 'admin.scope.deleted', scope: { name } } },
    ]);
  });

  test.each<readonly [number, object, string?]>([
    [409, { name: 'openid' }, 'name'],
    [422, { name: 'claiming', claims: ['email', 'sub'] }, 'claims[1]'],
    [422, { name: 'claiming', claims: ['/realm/roles'] }, 'claims[0]'],
    [422, { name: 'claiming', claims: ['two words'] }, 'claims[0]'],
    [400, { name: 'claiming', claims: Array.from({ length: 51 }, (_, n) => `c${n}`) }, 'claims'],
    [400, { name: 'claiming', claims: 'email' }, 'claims'],
    [422, { name: 'ssf.manage' }, 'name'],
    [400, { name: '' }, 'name'],
    [400, { name: 'two words' }, 'name'],
    [400, { name: 'x'.repeat(201) }, 'name'],
    [400, { description: 'none' }, 'name'],
    [400, { name: 'a', description: '' }, 'description'],
    [400, { name: 'a', active: 'yes' }, 'active'],
    [400, { name: 'a', is_system: true }, 'is_system'],
  ])('is refused with %i for %j', async (status, body, field) => {
    const refused = await call('POST', '', body);
    expect(refused).toMatchObject({ status, body: { errors: [{ field }] } });
    expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
  });

  test('is changed in no other zone, and not to claims of the token itself', async () => {
    const { id } = await newScope();
    const other = await createTestZone(replica);
    const elsewhere = `/zones/${other.zoneId}/scopes/${id}`;
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? {} : undefined;
      expect((await ask(method, elsewhere, body)).status).toBe(404);
    }
    const refused = await call('PATCH', `/${id}`, { claims: ['exp'] });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'claims[0]' }] } });
    const some = await call('PATCH', `/${id}`, { claims: ['name', 'email', 'name'] });
    expect(some).toMatchObject({ status: 200, body: { claims: ['email', 'name'] } });
    expect(await auditOf(replica.databaseUrl, some.requestId)).toMatchObject([
      { event: { before: { claims: [] }, after: { claims: ['email', 'name'] } } },
    ]);
    expect((await call('PATCH', `/${id}`, {})).body['claims']).toEqual(['email', 'name']);
    expect((await call('PATCH', `/${id}`, { claims: null })).body['claims']).toEqual([]);
  });

  test('is found by its name, its words, and whether it is in use', async () => {
    const own = await createTestZone(replica);
    const list = (query: string) => ask('GET', `/zones/${own.zoneId}/scopes${query}`);
    await own.admin('POST', '/scopes', { name: 'Bills:pay', description: 'Überweisen' });
    await own.admin('POST', '/scopes', { name: 'old', active: false });
    expect(namesIn(await list('?name=old'))).toEqual(['old']);
    expect(namesIn(await list('?name=OLD'))).toEqual([]);
    expect(namesIn(await list('?search=bills'))).toEqual(['Bills:pay']);
    expect(namesIn(await list('?search=%C3%BCberweisen'))).toEqual(['Bills:pay']);
    expect(namesIn(await list('?active=false'))).toEqual(['old']);
    expect(namesIn(await list('?is_system=false'))).toEqual(['Bills:pay', 'old']);
    expect(namesIn(await list('?is_system=true&active=true'))).toEqual(SYSTEM);
    for (const wrong of ['active=', 'active=1', 'active=true&active=true', 'is_system=x', 'x=y']) {
      expect([wrong, (await list(`?${wrong}`)).status]).toEqual([wrong, 400]);
    }
  });

  test('says before it is removed what has it, and stays if it would be in use again', async () => {
    const { name, id } = await newScope();
    await zone.admin('POST', '/resources', { identifier: `urn:${name}`, scopes: [name] });
    const dry = await call('DELETE', `/${id}?dry_run=true`);
    expect(dry).toMatchObject({
      status: 200,
      body: { dry_run: true, would: { delete: { name }, affects: { resources: 1 } } },
    });
    expect((await call('GET', `/${id}`)).headers.get('etag')).toBe(dry.headers.get('etag'));
    await call('PATCH', `/${id}`, { active: false });
    expect((await call('DELETE', `/${id}?dry_run=true`)).status).toBe(409);
    expect((await call('DELETE', `/${id}`)).status).toBe(409);
    await call('PATCH', `/${id}`, { active: true });
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    const granted = await zone.session({ resource: `urn:${name}`, scope: name });
    expect(granted.status).toBe(200);
  });
});

describe('a scope that is not active', () => {
  const put = async (of: TestZone, name: string, active: boolean) => {
    const id = await systemScope(name, of);
    await of.admin('PATCH', `/scopes/${id}`, { active });
  };

  test('is granted to nobody, asked for or not, and is again once it is active', async () => {
    const own = await createTestZone(replica);
    const held = await own.session({ scope: 'a:read a:write' });
    const subject = { subject_token: String(held.body['access_token']) };
    await own.admin('POST', '/scopes', { name: 'a:write', active: false });

    const refused = await own.session({ scope: 'a:read a:write' });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    expect(await own.audit(refused.requestId)).toMatchObject([{ outcome: 'denied' }]);
    expect(await own.session({ scope: 'a:read' })).toMatchObject({ status: 200 });
    const asked = await own.exchange({ ...subject, scope: 'a:write' });
    expect(asked).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    // What the subject token has is narrowed, as by a resource that does not have the scope.
    const narrowed = await own.exchange({ ...subject, scope: undefined });
    expect(narrowed).toMatchObject({ status: 200, body: { scope: 'a:read' } });
    expect(decodeJwt(String(narrowed.body['access_token']))['scope']).toBe('a:read');

    await put(own, 'a:write', true);
    await expect.poll(async () => (await own.session({ scope: 'a:write' })).status).toBe(200);
  });

  test('is not advertised, nor what it lets in', async () => {
    const own = await createTestZone(replica);
    await own.admin('POST', '/resources', {
      identifier: 'https://api.example/listed',
      scopes: ['x', 'y'],
      listed: true,
    });
    const advertised = async () => {
      const { origin, pathname } = new URL(own.issuer);
      expect(origin).not.toBe('');
      const path = `/.well-known/oauth-authorization-server${pathname}`;
      const metadata = await fetch(`${replica.url}${path}`);
      const document = (await metadata.json()) as Record<string, unknown>;
      return { scopes: document['scopes_supported'], claims: document['claims_supported'] };
    };
    await expect.poll(advertised).toEqual({ scopes: ['x', 'y'], claims: undefined });
    await own.admin('POST', '/scopes', { name: 'x', claims: ['name', 'email'] });
    await own.admin('POST', '/scopes', { name: 'unlisted', claims: ['phone_number'] });
    const y = await own.admin('POST', '/scopes', { name: 'y', claims: ['email', 'role'] });
    const claims = ['email', 'name', 'role'];
    await expect.poll(advertised).toEqual({ scopes: ['x', 'y'], claims });
    await own.admin('PATCH', `/scopes/${String(y['id'])}`, { active: false });
    await expect.poll(advertised).toEqual({ scopes: ['x'], claims: ['email', 'name'] });
  });

  test('is not granted from the answer on, at a replica that has not heard of it', async () => {
    const own = await createTestZone(replica);
    await own.admin('POST', '/scopes', { name: 'a:write' });
    for (let round = 0; round < 8; round += 1) {
      // It has the zone in memory as it is, and is asked before it can have been told.
      await expect
        .poll(async () => (await own.sessionAt(second, { scope: 'a:write' })).status)
        .toBe(200);
      const under = Array.from({ length: 4 }, () => own.sessionAt(second, { scope: 'a:write' }));
      await put(own, 'a:write', false);
      const after = await own.sessionAt(second, { scope: 'a:write' });
      expect(after).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
      const answers = await Promise.all(under);
      expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true);
      await put(own, 'a:write', true);
    }
  });
});

test('a resource gets and loses scopes without an outage', async () => {
  const own = await createTestZone(replica);
  const { items } = await own.admin('GET', '/resources?identifier=resource://a');
  const [{ id } = { id: '' }] = items as { id: string }[];
  const load = startLoad(own, () => replica.url, 4);
  try {
    await load.more(10);
    for (let round = 0; round < 5; round += 1) {
      const scope = `added:${round}`;
      const scopes = ['a:read', 'a:write', 'shared', scope];
      await own.admin('PATCH', `/resources/${id}`, { scopes });
      await expect.poll(async () => (await own.session({ scope })).status).toBe(200);
      await load.more(10);
    }
  } finally {
    await load.stop();
  }
  // A machine that is too busy says so, whatever is changed.
  expect(load.refusals.filter(({ status }) => status !== 503)).toEqual([]);
});

test('a resource keeps its identifier, and says so', async () => {
  const { items } = await zone.admin('GET', '/resources?identifier=resource://b');
  const [{ id } = { id: '' }] = items as { id: string }[];
  const path = `/zones/${zone.zoneId}/resources/${id}`;
  const refused = await ask('PATCH', path, { identifier: 'resource://c' });
  expect(refused).toMatchObject({ status: 409, body: { errors: [{ field: 'identifier' }] } });
  const before = await ask('GET', path);
  const same = await ask('PATCH', path, { identifier: 'resource://b' });
  expect(same).toMatchObject({ status: 200, body: before.body });
  const changed = await ask('PATCH', path, { listed: true });
  expect(Date.parse(String(changed.body['updated_at']))).toBeGreaterThan(
    Date.parse(String(before.body['updated_at'])),
  );
});
