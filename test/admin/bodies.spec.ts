import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { requestsOfOperators } from '../setup/operators-routes.js';
import { sendRaw } from '../setup/raw-request.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let resourceId: string;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  const resource = { identifier: 'urn:changed', scopes: ['read'] };
  resourceId = String((await zone.admin('POST', '/resources', resource))['id']);
});

/** A route with a body that it accepts; each case turns one member of it. */
interface Route {
  readonly method: string;
  readonly path: () => string;
  readonly valid: () => Record<string, unknown>;
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** What `null` takes away. */
  readonly nullable?: readonly string[];
}

const inZone = (path: string) => () => `/zones/${zone.zoneId}${path}`;
const named = () => ({ name: `name ${randomUUID()}` });
const PERMIT = '@id("p") permit (principal, action, resource);';

/** What a change of a client, and one of a resource, can take away. */
const CLEARED = ['labels', 'default_resources', 'assertion_audience', 'federated_identities'];
const RESOURCE_CLEARED = [
  'upstream_url',
  'owner_client_id',
  'operations',
  'access',
  'signing_alg',
  'token_typ',
];

const ROUTES: Readonly<Record<string, Route>> = {
  zone: {
    method: 'POST',
    path: () => '/zones',
    valid: named,
    required: ['name'],
    optional: ['default_resources'],
  },
  resource: {
    method: 'POST',
    path: inZone('/resources'),
    valid: () => ({
      identifier: `resource://${randomUUID()}`,
      scopes: ['read'],
      upstream_url: 'http://localhost:3000/api',
      owner_client_id: zone.clientId,
      access: 'direct',
    }),
    required: ['identifier', 'scopes'],
    optional: ['upstream_url', 'owner_client_id', 'access', 'token_typ'],
  },
  client: {
    method: 'POST',
    path: inZone('/clients'),
    valid: () => ({ ...named(), labels: ['blue'], auth_methods: ['client_secret_post'] }),
    required: ['name'],
    optional: [
      'labels',
      'auth_methods',
      'default_resources',
      'assertion_audience',
      'federated_identities',
    ],
  },
  'client change': {
    method: 'PATCH',
    path: () => `/zones/${zone.zoneId}/clients/${zone.clientId}`,
    valid: () => ({ disabled: false, labels: ['green'] }),
    required: [],
    optional: ['name', 'disabled', ...CLEARED],
    nullable: CLEARED,
  },
  'zone change': {
    method: 'PATCH',
    path: inZone(''),
    valid: () => ({}),
    required: [],
    optional: ['name', 'default_resources'],
    nullable: ['default_resources'],
  },
  'resource change': {
    method: 'PATCH',
    path: () => `/zones/${zone.zoneId}/resources/${resourceId}`,
    valid: () => ({}),
    required: [],
    optional: ['scopes', ...RESOURCE_CLEARED],
    nullable: RESOURCE_CLEARED,
  },
  policy: {
    method: 'POST',
    path: inZone('/policies'),
    valid: () => ({ ...named(), content: PERMIT }),
    required: ['name', 'content'],
    optional: [],
  },
  'policy set': {
    method: 'POST',
    path: inZone('/policy-sets'),
    valid: named,
    required: ['name'],
    optional: [],
  },
  revocation: {
    method: 'POST',
    path: inZone('/revocations'),
    valid: () => ({ jti: randomUUID() }),
    required: ['jti'],
    optional: [],
  },
};

const changed = (route: Route, change: Record<string, unknown>) =>
  sendRaw(replica, route.method, route.path(), JSON.stringify({ ...route.valid(), ...change }));

const routes = Object.entries(ROUTES);
const members = routes.flatMap(([name, route]) =>
  [...route.required, ...route.optional].map((member) => [name, member] as const),
);

test.each(routes)('a %s is accepted as the cases below vary it', async (_name, route) => {
  const answer = await changed(route, {});
  expect([200, 201, 204]).toContain(answer.status);
});

test.each(members)('%s: %s must not be null, a number, an object', async (name, member) => {
  const route = ROUTES[name] as Route;
  const values = [null, 4711, { name: 'x' }, [null], [[]], '\u0001'];
  const taken = route.nullable?.includes(member) === true;
  for (const value of taken ? values.slice(1) : values) {
    const answer = await changed(route, { [member]: value });
    expect([member, value, answer.status]).toEqual([member, value, 400]);
    expect(answer.json['error']).toBe('invalid_request');
    expect(answer.json['error_description']).toContain(member);
  }
});

test.each(routes.flatMap(([name, { required }]) => required.map((member) => [name, member])))(
  '%s: %s must be there',
  async (name, member) => {
    const answer = await changed(ROUTES[name] as Route, { [member]: undefined });
    expect(answer.status).toBe(400);
  },
);

test.each(routes)('%s: other members are refused', async (_name, route) => {
  for (const member of ['id', 'zone_id', 'constructor', 'toString', 'hasOwnProperty', 'Name', '']) {
    const answer = await changed(route, { [member]: 'x' });
    expect([member, answer.status]).toEqual([member, 400]);
  }
  const prototype = '{"__proto__":{"name":"x"},"constructor":{"prototype":{"polluted":true}}}';
  expect((await sendRaw(replica, route.method, route.path(), prototype)).status).toBe(400);
  expect((await changed(route, {})).status).toBeLessThan(300);
});

test('no route of operators takes a body with something more, something else or nothing in it', async () => {
  const own = await createTestZone(replica);
  const taken: unknown[] = [];
  for (const [route, [path, body]] of Object.entries(await requestsOfOperators(own))) {
    if (body === undefined) continue;
    const [method = ''] = route.split(' ');
    const turnedMembers = Object.keys(body).map((member) => ({ ...body, [member]: [[null]] }));
    for (const turned of [{ ...body, unheard_of: 1 }, [], [body], null, 'x', ...turnedMembers]) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await sendRaw(replica, method, path, JSON.stringify(turned));
      if (status !== 400) taken.push([route, turned, status]);
    }
  }
  expect(taken).toEqual([]);
});

describe('a name', () => {
  test.each([
    ['empty', ''],
    ['white space', ' '],
    ['space before', ' a'],
    ['space after', 'a '],
    ['a line break', 'a\nb'],
    ['a control character', 'a\u007fb'],
    ['a C1 control character', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['text turned round', 'a\u202eb'],
    ['a replacement character', 'a\ufffdb'],
    ['201 characters', 'a'.repeat(201)],
  ])('with %s is refused', async (_case, name) => {
    for (const kind of ['zone', 'client', 'policy', 'policy set']) {
      expect((await changed(ROUTES[kind] as Route, { name })).status).toBe(400);
    }
  });

  test.each([
    'a',
    'a'.repeat(200),
    'Łódź 東京 👩‍🚀',
    `o'brien"; DROP TABLE zones; --`,
    '<b>&amp;</b>',
  ])('like %j is kept as it is', async (name) => {
    const answer = await changed(ROUTES['client'] as Route, { name });
    expect(answer.status).toBe(201);
    const shown = await sendRaw(
      replica,
      'GET',
      `${inZone('/clients')()}/${String(answer.json['id'])}`,
    );
    expect(shown.json['name']).toBe(name);
  });
});

describe('a resource', () => {
  test.each([
    'no-scheme',
    '/relative',
    'https://a#fragment',
    'https://a b',
    'https://ä',
    'https://a/%zz',
    'https:',
    `https://${'a'.repeat(2_050)}`,
  ])('with the identifier %j is refused', async (identifier) => {
    expect((await changed(ROUTES['resource'] as Route, { identifier })).status).toBe(400);
  });

  test.each([
    ['a space', ['a b']],
    ['nothing', ['']],
    ['a quote', ['a"b']],
    ['a backslash', ['a\\b']],
    ['no ASCII', ['ä']],
    ['201 characters', ['a'.repeat(201)]],
    ['201 of them', Array.from({ length: 201 }, (_, n) => `s${n}`)],
  ])('with scopes that hold %s is refused', async (_case, scopes) => {
    expect((await changed(ROUTES['resource'] as Route, { scopes })).status).toBe(400);
  });

  test.each([
    'ftp://a.example',
    'localhost',
    'javascript:alert(1)',
    'http://user:password@a.example',
    'http://a.example/a b',
    'http://a.example/\u0001',
    `http://a.example/${'a'.repeat(3_000)}`,
  ])('with the upstream %j is refused', async (url) => {
    expect((await changed(ROUTES['resource'] as Route, { upstream_url: url })).status).toBe(400);
  });

  test('keeps each scope once', async () => {
    const answer = await changed(ROUTES['resource'] as Route, { scopes: ['b', 'a', 'b'] });
    expect(answer.json['scopes']).toEqual(['a', 'b']);
  });
});

const secrets = () => `/zones/${zone.zoneId}/clients/${zone.clientId}/secrets`;

describe('a secret', () => {
  test.each([
    ['null', { secret: null }],
    ['short', { secret: 'sevench' }],
    ['long', { secret: 'x'.repeat(201) }],
    ['a list', { secret: ['long enough'] }],
    ['two lines', { secret: 'long\nenough' }],
    ['with an expiry of null', { expires_at: null }],
    ['with an expiry in seconds', { expires_at: 1_900_000_000 }],
    ['with an expiry without a time', { expires_at: '2030-01-01' }],
    ['with an expiry without an offset', { expires_at: '2030-01-01T00:00:00' }],
    ['with an expiry by week', { expires_at: '2030-W10-1' }],
    ['with an expiry by day of the year', { expires_at: '2030-123' }],
    ['with an expiry on 30 February', { expires_at: '2030-02-30T00:00:00Z' }],
    ['with an expiry in the leap second', { expires_at: '2030-12-31T23:59:60Z' }],
    ['with an expiry at 25:00', { expires_at: '2030-01-01T25:00:00Z' }],
  ])('that is %s is refused', async (_case, body) => {
    const answer = await sendRaw(replica, 'POST', secrets(), JSON.stringify(body));
    expect(answer.status).toBe(400);
  });

  test('that looks like one of ours is refused', async () => {
    const body = JSON.stringify({ secret: `mds_${'a'.repeat(43)}` });
    expect((await sendRaw(replica, 'POST', secrets(), body)).status).toBe(422);
  });

  test('is not made by any of these', async () => {
    const stored = await rows(
      replica.databaseUrl,
      'SELECT id FROM client_secrets WHERE client_id = $1',
      [zone.clientId],
    );
    expect(stored).toHaveLength(1);
  });
});

describe('a page', () => {
  test.each([
    'limit=0',
    'limit=-1',
    'limit=501',
    'limit=1.5',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'after=x',
    'after=',
    'offset=1',
    'limit[a]=1',
  ])('of ?%s is refused', async (query) => {
    expect((await sendRaw(replica, 'GET', `/zones?${query}`)).status).toBe(400);
  });
});
