import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

const NO_ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let zone: TestZone;
let other: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  other = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(replica, method, path, body);

/** Everything that can be made, by where, and what makes it. */
const COLLECTIONS: readonly (readonly [string, () => string, () => object])[] = [
  ['zones', () => '/zones', () => ({ name: randomUUID() })],
  [
    'resources',
    () => `/zones/${zone.zoneId}/resources`,
    () => ({ identifier: `resource://${randomUUID()}`, scopes: ['read'] }),
  ],
  ['scopes', () => `/zones/${zone.zoneId}/scopes`, () => ({ name: randomUUID() })],
  ['clients', () => `/zones/${zone.zoneId}/clients`, () => ({ name: randomUUID() })],
  ['secrets', () => `/zones/${zone.zoneId}/clients/${zone.clientId}/secrets`, () => ({})],
  [
    'policies',
    () => `/zones/${zone.zoneId}/policies`,
    () => ({ name: randomUUID(), content: PERMIT_ALL }),
  ],
  ['policy-sets', () => `/zones/${zone.zoneId}/policy-sets`, () => ({ name: randomUUID() })],
];

test.each(COLLECTIONS)('%s: 201 with a Location that answers', async (_name, path, body) => {
  const made = await call('POST', path(), body());
  expect(made.status).toBe(201);
  const location = made.headers.get('location') ?? '';
  expect(location).toBe(`/internal${path()}/${String(made.body['id'])}`);
  const shown = await call('GET', location.replace(/^\/internal/, ''));
  expect(shown.status).toBe(200);
  expect(made.body).toMatchObject(shown.body);
  expect(new Date(String(shown.body['created_at'])).getTime()).toBeGreaterThan(1.7e12);
});

test.each(COLLECTIONS)('%s: what was made is in the list', async (name, path, body) => {
  const { items } = (await call('GET', path())).body as { items: { id: string }[] };
  const made = await call('POST', path(), body());
  const again = (await call('GET', path())).body as { items: { id: string }[] };
  // The client has two secrets by now, so that another is refused.
  if (name === 'secrets') expect(made.status).toBe(409);
  else expect(again.items.length).toBe(items.length + 1);
});

test('each version of a policy and of a set has a Location that answers', async () => {
  const at = `/zones/${zone.zoneId}`;
  const policy = await call('POST', `${at}/policies`, { name: randomUUID(), content: PERMIT_ALL });
  const { id: first } = policy.body['version'] as { id: string };
  const path = `${at}/policies/${String(policy.body['id'])}/versions`;
  const second = await call('POST', path, { content: `${PERMIT_ALL} // 2` });
  expect(second).toMatchObject({ status: 201, body: { version: 2 } });
  const shown = await call('GET', second.headers.get('location')?.replace('/internal', '') ?? '');
  expect({ ...shown.body, warnings: [] }).toEqual(second.body);
  expect((await call('GET', path)).body['items']).toMatchObject([{ id: first }, shown.body]);

  const set = await call('POST', `${at}/policy-sets`, { name: randomUUID() });
  const versions = `${at}/policy-sets/${String(set.body['id'])}/versions`;
  const version = await call('POST', versions, { policy_version_ids: [second.body['id']] });
  expect(version).toMatchObject({ status: 201, body: { version: 1 } });
  const setShown = await call('GET', version.headers.get('location')?.slice(9) ?? '');
  expect({ ...setShown.body, warnings: [] }).toEqual(version.body);
  expect(setShown.body['policy_version_ids']).toEqual([second.body['id']]);
});

describe('deleting', () => {
  test.each(COLLECTIONS.slice(0, 4))('one of %s: 204, then 404', async (_name, path, body) => {
    const { id } = (await call('POST', path(), body())).body;
    const at = `${path()}/${String(id)}`;
    const gone = await call('DELETE', at);
    expect(gone.status).toBe(204);
    expect(gone.body).toEqual({});
    expect((await call('GET', at)).status).toBe(404);
    expect((await call('DELETE', at)).status).toBe(404);
  });
});

const paths = (zoneId: string, id: string) => [
  ['GET', `/zones/${zoneId}`],
  ['DELETE', `/zones/${zoneId}`],
  ['GET', `/zones/${zoneId}/policy`],
  ['POST', `/zones/${zoneId}/signing-key/rotate`],
  ...['resources', 'scopes', 'clients', 'policies', 'policy-sets', 'sessions'].flatMap((name) => [
    ['GET', `/zones/${zoneId}/${name}`],
    ['GET', `/zones/${zoneId}/${name}/${id}`],
  ]),
  ...['resources', 'scopes', 'clients', 'sessions'].map((name) => [
    'DELETE',
    `/zones/${zoneId}/${name}/${id}`,
  ]),
  ['GET', `/zones/${zoneId}/clients/${id}/secrets`],
  ['GET', `/zones/${zoneId}/policies/${id}/versions`],
  ['GET', `/zones/${zoneId}/policy-sets/${id}/versions`],
];

describe('what does not exist', () => {
  test.each([NO_ID, 'x', '%20', '%00', `${NO_ID}%0a`, NO_ID.toUpperCase(), '-1', '..%2f'])(
    'is not found in the zone %j',
    async (zoneId) => {
      for (const [method = '', path = ''] of paths(zoneId, NO_ID)) {
        expect([method, path, (await call(method, path)).status]).toEqual([method, path, 404]);
      }
    },
  );

  test.each([NO_ID, 'x', '%00', `${NO_ID}%0a`, '%F0%9F%98%80'])(
    'is not found under the id %j',
    async (id) => {
      for (const [method = '', path = ''] of paths(zone.zoneId, id)) {
        if (!path.includes(id)) continue;
        expect([method, path, (await call(method, path)).status]).toEqual([method, path, 404]);
      }
    },
  );

  test('is refused with 400 if the path is no UTF-8', async () => {
    expect((await call('GET', '/zones/%ff')).status).toBe(400);
  });

  test('is said to exist by no other zone', async () => {
    const { sid } = decodeJwt(String((await zone.session()).body['access_token'])) as unknown as {
      sid: string;
    };
    const version = await zone.activate(PERMIT_ALL);
    const owned = await zone.admin('GET', '/resources');
    const [resource] = owned['items'] as { id: string }[];
    const foreign = [
      `/clients/${zone.clientId}`,
      `/clients/${zone.clientId}/secrets`,
      `/resources/${resource?.id}`,
      `/sessions/${sid}`,
    ];
    for (const path of foreign) {
      expect((await call('GET', `/zones/${zone.zoneId}${path}`)).status).toBe(200);
      expect((await call('GET', `/zones/${other.zoneId}${path}`)).status).toBe(404);
      if (path.endsWith('/secrets')) continue;
      expect((await call('DELETE', `/zones/${other.zoneId}${path}`)).status).toBe(404);
    }
    const at = `/zones/${other.zoneId}`;
    expect((await call('PATCH', `${at}/clients/${zone.clientId}`, {})).status).toBe(404);
    expect((await call('POST', `${at}/clients/${zone.clientId}/secrets`, {})).status).toBe(404);
    const activation = await call('PUT', `${at}/policy`, { policy_set_version_id: version });
    expect(activation.status).toBe(404);
    const owner = { identifier: 'resource://own', scopes: [], owner_client_id: zone.clientId };
    expect((await call('POST', `${at}/resources`, owner)).status).toBe(409);
    expect((await zone.session()).status).toBe(200);
  });
});

describe('conflicts', () => {
  test.each(COLLECTIONS.filter(([name]) => name !== 'secrets'))(
    'two of %s cannot be called the same',
    async (_name, path, body) => {
      const same = body();
      expect((await call('POST', path(), same)).status).toBe(201);
      const second = await call('POST', path(), same);
      expect(second).toMatchObject({ status: 409, body: { error: 'conflict' } });
    },
  );

  test('in two zones the same name is no conflict', async () => {
    const same = { name: randomUUID() };
    for (const { zoneId } of [zone, other]) {
      expect((await call('POST', `/zones/${zoneId}/clients`, same)).status).toBe(201);
    }
  });

  test('a client that owns a resource stays', async () => {
    const { clientId } = await zone.newClient();
    const resource = await zone.admin('POST', '/resources', {
      identifier: `resource://${randomUUID()}`,
      scopes: [],
      owner_client_id: clientId,
    });
    const at = `/zones/${zone.zoneId}/clients/${clientId}`;
    expect((await call('DELETE', at)).status).toBe(409);
    expect((await call('GET', at)).status).toBe(200);
    await zone.admin('DELETE', `/resources/${String(resource['id'])}`);
    expect((await call('DELETE', at)).status).toBe(204);
  });

  test('of many that are made at once under one name exactly one is', async () => {
    const body = { name: randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call('POST', `/zones/${zone.zoneId}/clients`, body)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
  });
});

test('pages follow each other, each thing once', async () => {
  const { zoneId } = await createTestZone(replica);
  const made = new Set<string>();
  for (let n = 0; n < 5; n += 1) {
    const { id } = (await call('POST', `/zones/${zoneId}/policy-sets`, { name: `set ${n}` })).body;
    made.add(String(id));
  }
  const seen: string[] = [];
  let query = '?limit=2';
  for (let pages = 0; query !== '' && pages < 10; pages += 1) {
    const page = (await call('GET', `/zones/${zoneId}/policy-sets${query}`)).body as {
      items: { id: string }[];
      next?: string;
    };
    expect(page.items.length).toBeLessThanOrEqual(2);
    seen.push(...page.items.map(({ id }) => id));
    query = page.next === undefined ? '' : `?limit=2&after=${page.next}`;
  }
  expect(new Set(seen).size).toBe(seen.length);
  // The test zone brings a set of its own.
  expect(seen).toHaveLength(6);
  expect([...made].filter((id) => !seen.includes(id))).toEqual([]);
});
