import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const change = (body: object, headers?: Record<string, string>) =>
  callAdmin(replica, 'PATCH', `/zones/${zone.zoneId}`, body, headers);
const make = (body: object) =>
  callAdmin(replica, 'POST', '/zones', { name: `zone ${randomUUID()}`, ...body });
const tagOf = ({ headers }: Answer) => headers.get('etag') ?? '';
const shown = async (id: unknown = zone.zoneId) =>
  (await callAdmin(replica, 'GET', `/zones/${String(id)}`)).body['languages'];

describe('the languages of a zone', () => {
  test('are English, until others are set, in their order; null is English again', async () => {
    expect(await shown()).toEqual(['en']);
    const set = await change({ languages: ['fr', 'DE', 'en'] });
    expect(set).toMatchObject({ status: 200, body: { languages: ['fr', 'de', 'en'] } });
    expect(await auditOf(replica.databaseUrl, set.requestId)).toMatchObject([
      { event: { before: { languages: ['en'] }, after: { languages: ['fr', 'de', 'en'] } } },
    ]);
    expect((await change({ display_name: 'Chez nous' })).body['languages']).toEqual([
      'fr',
      'de',
      'en',
    ]);
    const none = await change({ languages: null });
    expect(none).toMatchObject({ status: 200, body: { languages: ['en'] } });
    expect(await shown()).toEqual(['en']);
  });

  test('can be there from the start', async () => {
    const made = await make({ languages: ['es', 'EN'] });
    expect(made).toMatchObject({ status: 201, body: { languages: ['es', 'en'] } });
    expect(await shown(made.body['id'])).toEqual(['es', 'en']);
    expect(await auditOf(replica.databaseUrl, made.requestId)).toMatchObject([
      { event: { type: 'admin.zone.created', zone: { languages: ['es', 'en'] } } },
    ]);
  });

  test('are changed as they were seen', async () => {
    const old = { 'if-match': tagOf(await change({ languages: ['de'] })) };
    const changed = await change({ languages: ['de', 'fr'] }, old);
    expect(changed.status).toBe(200);
    const late = await change({ languages: ['es'] }, old);
    expect([late.status, late.body['error']]).toEqual([412, 'precondition_failed']);
    expect(await auditOf(replica.databaseUrl, late.requestId)).toEqual([]);
    expect(await shown()).toEqual(['de', 'fr']);
  });

  test('stay where a tenant is replaced, which has none', async () => {
    await change({ languages: ['de'] });
    const { name } = (await callAdmin(replica, 'GET', `/zones/${zone.zoneId}`)).body;
    const replaced = await fetch(`${replica.url}/admin/management/tenants/${zone.zoneId}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${replica.adminToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name, display_name: 'Bei uns' }),
    });
    expect(replaced.status).toBe(200);
    expect(await shown()).toEqual(['de']);
  });

  test.each<readonly [string, unknown, readonly string[]]>([
    ['none', [], ['languages']],
    ['a text', 'de', ['languages']],
    ['an object', { de: true }, ['languages']],
    ['more than there are', ['en', 'de', 'es', 'fr', 'en'], ['languages']],
    ['ten thousand', Array.from({ length: 10_000 }, () => 'de'), ['languages']],
    ['one without texts', ['de', 'tlh'], ['languages[1]']],
    ['one of a region', ['de-CH'], ['languages[0]']],
    ['one twice', ['de', 'en', 'DE'], ['languages[2]']],
    ['a number', ['de', 7], ['languages[1]']],
    ['null', [null], ['languages[0]']],
    ['nothing', [''], ['languages[0]']],
    ['a line', ['de\n'], ['languages[0]']],
    ['far too long a tag', ['de', 'd'.repeat(10_000)], ['languages[1]']],
    ['several that are wrong', ['xx', 'de', 'de'], ['languages[0]', 'languages[2]']],
  ])('are not %s', async (_what, languages, fields) => {
    for (const refused of [await change({ languages }), await make({ languages })]) {
      expect(refused).toMatchObject({
        status: 400,
        body: { errors: fields.map((field) => ({ field })) },
      });
      expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
    }
  });

  test('that another version had texts in are passed over, and stay', async () => {
    const { zoneId } = await createTestZone(replica);
    const store = (languages: readonly string[]) =>
      rows(replica.databaseUrl, 'UPDATE zones SET languages = $2 WHERE id = $1', [
        zoneId,
        languages,
      ]);
    await store(['tlh', 'de']);
    expect(await shown(zoneId)).toEqual(['de']);
    const path = `/zones/${zoneId}`;
    expect((await callAdmin(replica, 'PATCH', path, { description: 'x' })).status).toBe(200);
    const stored = 'SELECT languages FROM zones WHERE id = $1';
    expect(await rows(replica.databaseUrl, stored, [zoneId])).toEqual([
      { languages: ['tlh', 'de'] },
    ]);
    await store(['tlh']);
    expect(await shown(zoneId)).toEqual(['en']);
  });
});
