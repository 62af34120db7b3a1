import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
  { zoneId } = zone,
) =>
  persistently(() =>
    callAdmin(replica, method, `/zones/${zoneId}/resources${path}`, body, headers),
  );

const newResource = async (body: object = {}) => {
  const identifier = `resource://${randomUUID()}`;
  const made = await call('POST', '', { identifier, scopes: ['read'], ...body });
  expect(made.status).toBe(201);
  return { identifier, id: String(made.body['id']), tag: made.headers.get('etag') ?? '' };
};

const shown = async (query: string) => {
  const { status, body } = await call('GET', query);
  return status === 200
    ? (body['items'] as { identifier: string }[]).map(({ identifier }) => identifier)
    : status;
};

describe('the list of resources', () => {
  test('has the one of an identifier, and no other', async () => {
    expect(await shown('?identifier=resource://a')).toEqual(['resource://a']);
    expect(await shown('?identifier=resource://A')).toEqual([]);
    expect(await shown('?identifier=resource://a%2525')).toEqual([]);
  });

  test('is searched in identifiers, names and descriptions, in any case, and nothing is a wildcard', async () => {
    const marker = randomUUID().slice(0, 8);
    const [one, two, three] = [
      await newResource({ identifier: `resource://${marker}/ONE_1` }),
      await newResource({ identifier: `resource://2${marker}/two`, display_name: 'ÄRGER 100%' }),
      await newResource({
        identifier: `resource://3${marker}/three`,
        description: String.raw`back\slash`,
      }),
    ];
    expect([one, two, three].every(({ id }) => id !== '')).toBe(true);
    const found = async (text: string) => shown(`?search=${encodeURIComponent(text)}`);
    const [first, second, third] = [
      `resource://${marker}/ONE_1`,
      `resource://2${marker}/two`,
      `resource://3${marker}/three`,
    ];
    expect(await found(marker.toUpperCase())).toEqual([first, second, third]);
    expect(await found(`${marker}/one_1`)).toEqual([first]);
    expect(await found(`${marker}/one%`)).toEqual([]);
    expect(await found('one_1')).toEqual([first]);
    expect(await found('one__')).toEqual([]);
    expect(await found('ärger 100%')).toEqual([second]);
    expect(await found('%')).toEqual([second]);
    expect(await found(String.raw`K\SL`)).toEqual([third]);
    expect(await found(String.raw`K\\SL`)).toEqual([]);
    const page = await call('GET', `?search=${marker}&limit=2`);
    expect(page.body['items']).toHaveLength(2);
    expect(await shown(`?search=${marker}&after=${String(page.body['next'])}`)).toEqual([third]);
    expect(await shown(`?search=${marker}&identifier=${second}`)).toEqual([second]);
    expect(await shown(`?search=${marker}&identifier=resource://a`)).toEqual([]);
  });

  test.each([
    'search=',
    `search=${'x'.repeat(101)}`,
    'search=a%00b',
    'search=%E2%80%AE',
    'search=a&search=b',
    'search[a]=b',
    'identifier=',
    'identifier=no%20uri',
    'identifier=resource://a&identifier=resource://b',
    'name=a',
  ])('is not asked for with %s', async (query) => {
    expect(await shown(`?${query}`)).toBe(400);
  });

  test('is searched for up to 100 characters', async () => {
    expect(await shown(`?search=${'x'.repeat(100)}`)).toEqual([]);
  });
});

describe('a dry run of removing a resource', () => {
  test('says what hangs on it, and changes and records nothing', async () => {
    const own = await createTestZone(replica);
    const at = (path: string) =>
      persistently(() => callAdmin(replica, 'GET', `/zones/${own.zoneId}${path}`));
    const list = (await at('/resources')).body['items'] as { id: string; identifier: string }[];
    const { id = '' } = list.find(({ identifier }) => identifier === own.resource) ?? {};
    await own.admin('PATCH', '', { default_resources: [own.resource] });
    await own.newClient({ default_resources: [own.resource, own.otherResource] });
    await own.newClient({ default_resources: [own.otherResource] });
    await own.activate(
      `@id("a") permit (principal, action == Action::"TokenExchange", resource == Resource::"${own.resource}");`,
    );
    await expect.poll(async () => (await own.session()).status).toBe(200);
    const { headers, body: before } = await at(`/resources/${id}`);
    const dry = await call('DELETE', `/${id}?dry_run=true`, undefined, {}, own);
    expect(dry).toMatchObject({
      status: 200,
      body: {
        dry_run: true,
        would: {
          delete: before,
          affects: {
            default_of_clients: 1,
            default_of_zone: 1,
            delegations: 0,
            challenges_pending: 0,
            policies: 1,
          },
        },
      },
    });
    const { affects } = dry.body['would'] as { affects: { mandates_unexpired: number } };
    expect(affects.mandates_unexpired).toBeGreaterThan(0);
    expect(dry.headers.get('etag')).toBe(headers.get('etag'));
    expect(await auditOf(replica.databaseUrl, dry.requestId)).toEqual([]);
    expect((await at(`/resources/${id}`)).status).toBe(200);
    expect((await own.session()).status).toBe(200);

    const tag = { 'if-match': dry.headers.get('etag') ?? '' };
    expect((await call('DELETE', `/${id}`, undefined, tag, own)).status).toBe(204);
  });

  test('is refused as the removal would be', async () => {
    const { id, tag } = await newResource();
    const gone = `/${randomUUID()}?dry_run=true`;
    expect((await call('DELETE', gone)).status).toBe(404);
    const elsewhere = { ...zone, zoneId: randomUUID() };
    expect((await call('DELETE', `/${id}?dry_run=true`, undefined, {}, elsewhere)).status).toBe(
      404,
    );
    const stale = { 'if-match': '"another"' };
    expect((await call('DELETE', `/${id}?dry_run=true`, undefined, stale)).status).toBe(412);
    const fresh = { 'if-match': tag };
    expect((await call('DELETE', `/${id}?dry_run=true`, undefined, fresh)).status).toBe(200);
  });

  test.each(['dry_run=', 'dry_run=1', 'dry_run=TRUE', 'dry_run=true&dry_run=true', 'dryrun=true'])(
    'is not asked for with %s, which removes nothing either',
    async (query) => {
      const { id } = await newResource();
      expect((await call('DELETE', `/${id}?${query}`)).status).toBe(400);
      expect((await call('GET', `/${id}`)).status).toBe(200);
    },
  );

  test('is none with dry_run=false', async () => {
    const { id } = await newResource();
    expect((await call('DELETE', `/${id}?dry_run=false`)).status).toBe(204);
    const left = await rows(replica.databaseUrl, 'SELECT 1 FROM resources WHERE id = $1', [id]);
    expect(left).toEqual([]);
  });
});
