import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { NOT_OFFERED } from '../../src/admin/clients/not-offered.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  persistently(() => callAdmin(replica, method, path, body, headers));
const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  ask(method, `/zones/${zone.zoneId}${path}`, body, headers);

async function newClient(body: object = {}) {
  const made = await call('POST', '/clients', { name: `client ${randomUUID()}`, ...body });
  expect(made.status).toBe(201);
  return { made, at: `/clients/${String(made.body['id'])}` };
}

test('what is not offered yet is refused by name, wherever a client is written', async () => {
  const { at } = await newClient();
  for (const field of NOT_OFFERED) {
    // oxlint-disable-next-line no-await-in-loop
    const refused = await call('PATCH', at, { [field]: ['x'] });
    expect([field, refused.status, refused.body['errors']]).toEqual([
      field,
      422,
      [expect.objectContaining({ field, code: 'not_offered' })],
    ]);
    expect(refused.body['error_description']).toContain(`${field} is not offered yet`);
  }
  const redirect = { redirect_uris: ['https://app.example/cb'] };
  expect((await call('POST', '/clients', { name: randomUUID(), ...redirect })).status).toBe(422);
  expect((await call('PUT', at, { name: randomUUID(), ...redirect })).status).toBe(422);
  expect((await call('PATCH', at, { no_such_thing: 1 })).status).toBe(400);
});

describe('PUT', () => {
  test('writes back what was read, and changes nothing', async () => {
    const { made, at } = await newClient({
      description: 'it',
      labels: ['l'],
      scopes: ['a:read'],
      access_token_lifespan: 60,
    });
    const read = await call('GET', at);
    const written = await call('PUT', at, { ...read.body, client_secret: '*****' });
    expect(written.status).toBe(200);
    const { updated_at: _at, ...same } = read.body;
    expect(written.body).toMatchObject(same);
    const { client_id: id, client_secret: secret } = made.body;
    const granted = await zone.session({ client_id: String(id), client_secret: String(secret) });
    expect(granted.status).toBe(200);
  });

  test('takes away what it leaves out, but neither secrets nor that it is disabled', async () => {
    const { made, at } = await newClient({
      description: 'it',
      labels: ['l'],
      scopes: ['a:read'],
      audience: [zone.resource],
      app_id: 'app',
    });
    await call('PATCH', at, { disabled: true });
    const replaced = await call('PUT', at, { name: made.body['name'] });
    expect(replaced.body).toMatchObject({
      labels: [],
      scopes: null,
      audience: null,
      access_token_lifespan: null,
      disabled: true,
    });
    expect(replaced.body).not.toHaveProperty('description');
    expect(replaced.body).not.toHaveProperty('app_id');
    expect((await call('GET', `${at}/secrets`)).body['items']).toHaveLength(1);
    expect((await call('PUT', at, { name: 'x', id: randomUUID() })).status).toBe(422);
    expect((await call('PUT', at, { name: 'x', client_secret: 'new' })).status).toBe(400);
  });
});

test('a client is registered as RFC 7591 has it', async () => {
  const expires = Math.floor(Date.now() / 1_000) + 3_600;
  const { made, at } = await newClient({
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret_expires_at: expires,
  });
  expect(made.body).toMatchObject({
    auth_methods: ['client_secret_basic'],
    client_secret_expires_at: expires,
  });
  const { items } = (await call('GET', `${at}/secrets`)).body;
  expect(items).toEqual([
    expect.objectContaining({ expires_at: new Date(expires * 1_000).toISOString() }),
  ]);
  const both = {
    token_endpoint_auth_method: 'client_secret_basic',
    auth_methods: ['client_secret_post'],
  };
  expect((await call('PATCH', at, both)).status).toBe(422);
});

describe('clients are found', () => {
  const ids = ({ body }: { body: Record<string, unknown> }) =>
    (body['items'] as { id: string }[]).map(({ id }) => id);

  test('by what is registered of them', async () => {
    const mark = randomUUID();
    const { made } = await newClient({
      name: `Find_Me ${mark}`,
      app_id: mark,
      labels: [mark],
      groups: [`g ${mark}`],
      auth_methods: ['client_secret_post'],
    });
    await newClient({ name: `FindXMe ${mark}`, app_id: 'other' });
    const id = String(made.body['id']);
    for (const query of [
      `name=${encodeURIComponent(String(made.body['name']))}`,
      `app_id=${mark}`,
      `label=${mark}`,
      `group=${encodeURIComponent(`g ${mark}`)}`,
      `search=${encodeURIComponent(`find_me ${mark}`)}`,
      `auth_method=client_secret_post&label=${mark}&disabled=false`,
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      expect([query, ids(await call('GET', `/clients?${query}`))]).toEqual([query, [id]]);
    }
    expect(ids(await call('GET', `/clients?label=${mark}&disabled=true`))).toEqual([]);
    expect((await call('GET', '/clients?color=red')).status).toBe(400);
  });

  test('in whichever zone they are', async () => {
    const other = await createTestZone(replica);
    const mark = randomUUID();
    const { made } = await newClient({ app_id: mark });
    const elsewhere = await other.admin('POST', '/clients', { name: mark, app_id: mark });
    const both = [String(made.body['id']), String(elsewhere['id'])];
    const found = await ask('GET', `/clients?app_id=${mark}`);
    expect(ids(found)).toEqual(both);
    expect(found.body['items']).toMatchObject([
      { zone_id: zone.zoneId },
      { zone_id: other.zoneId },
    ]);
    expect(ids(await ask('GET', `/clients?app_id=${mark}&zone=${other.zoneId}`))).toEqual([
      both[1],
    ]);
    expect(ids(await ask('GET', `/clients?id=${both[0]}`))).toEqual([both[0]]);
    const first = await ask('GET', `/clients?app_id=${mark}&limit=1`);
    expect([ids(first), first.body['next']]).toEqual([[both[0]], both[0]]);
    const rest = await ask('GET', `/clients?app_id=${mark}&after=${both[0]}`);
    expect(ids(rest)).toEqual([both[1]]);
  });
});

test('a dry run says what hangs on a client, and removes nothing', async () => {
  const { made, at } = await newClient();
  const { client_id: id, client_secret: secret } = made.body;
  await zone.session({ client_id: String(id), client_secret: String(secret) });
  const dry = await call('DELETE', `${at}?dry_run=true`);
  expect(dry.status).toBe(200);
  expect(dry.body).toMatchObject({
    dry_run: true,
    would: { delete: { id }, affects: { sessions: 1, mandates_unexpired: 1, secrets: 1 } },
  });
  expect(await zone.audit(dry.requestId)).toEqual([]);
  const tag = { 'if-match': String(dry.headers.get('etag')) };
  expect(
    (await call('DELETE', `${at}?dry_run=true`, undefined, { 'if-match': '"x"' })).status,
  ).toBe(412);
  expect((await call('DELETE', at, undefined, tag)).status).toBe(204);
});

test('dry runs of others say what hangs on them as well, and refuse what the removal refuses', async () => {
  const make = async (path: string, body: object) =>
    String((await zone.admin('POST', path, body))['id']);
  const named = () => ({ name: randomUUID() });
  const content = '@id("a") permit (principal, action, resource);';
  const policy = await make('/policies', { ...named(), content });
  const active = await zone.activate(content);
  const { items } = await zone.admin('GET', '/policy-sets');
  const [set] = (items as { id: string; latest_version: { id: string } }[]).filter(
    ({ latest_version: latest }) => latest?.id === active,
  );
  const jwks_uri = 'https://keys.example/jwks.json';
  const issuer = { issuer: `https://${randomUUID()}.example`, jwks_uri, token_types: ['jwt'] };
  const cases: [string, object][] = [
    [`/policies/${policy}`, { versions: 1 }],
    [`/policy-sets/${await make('/policy-sets', named())}`, { versions: 0 }],
    [
      `/issuers/${await make('/issuers', { ...issuer, audiences: ['us'] })}`,
      { sessions: 0, federated_identities: 0 },
    ],
    [`/proof-systems/${await make('/proof-systems', named())}`, { challenges_pending: 0 }],
    ['/step-up-types/approval', { challenges_pending: 0 }],
    [
      `/authenticators/${await make('/authenticators', { subject: 'a', kind: 'totp' })}`,
      { challenges_pending: 0 },
    ],
  ];
  for (const [path, affects] of cases) {
    // oxlint-disable no-await-in-loop
    const dry = await call('DELETE', `${path}?dry_run=true`);
    expect([path, dry.status, dry.body]).toEqual([
      path,
      200,
      {
        dry_run: true,
        would: expect.objectContaining({ affects: expect.objectContaining(affects) }),
      },
    ]);
    expect((await call('GET', path)).headers.get('etag')).toBe(dry.headers.get('etag'));
    // oxlint-enable no-await-in-loop
  }
  expect((await call('DELETE', `/policy-sets/${set?.id}?dry_run=true`)).status).toBe(409);
  const rotation = await call('POST', '/signing-key/rotate?emergency=true&dry_run=true');
  expect(rotation).toMatchObject({
    status: 200,
    body: { dry_run: true, would: { withdraw: [expect.any(String)] } },
  });
  const { items: keys } = (await call('GET', '/signing-keys')).body;
  expect(keys).toMatchObject([{ state: 'active' }]);
});
