import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica } from '../setup/harness.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let zone: TestZone;

beforeAll(async () => {
  zone = await createTestZone(await sharedReplica());
});

const call = (method: string, path: string, body?: object) =>
  callAdmin(zone.replica, method, `/zones/${zone.zoneId}${path}`, body);

const NO_LINES = ['', ' x', 'x'.repeat(201), 'a\u0000b', 'a\u202Eb', 'a\nb', 7, ['x'], {}];

describe('words for the people who confirm requests', () => {
  test.each(['', '/clients', '/resources'])(
    'of zones%s are set, shown, audited, and taken away',
    async (where) => {
      const member = where === '/clients' ? 'description' : 'display_name';
      const made =
        where === ''
          ? { id: '' }
          : await zone.admin(
              'POST',
              where,
              where === '/clients'
                ? { name: 'worded', description: 'what it is' }
                : { identifier: 'resource://worded', scopes: ['x'], display_name: 'what it is' },
            );
      const path = where === '' ? '' : `${where}/${String(made['id'])}`;
      if (where !== '') expect(made).toMatchObject({ [member]: 'what it is' });
      const changed = await call('PATCH', path, { [member]: 'Ärzte & Söhne' });
      expect(changed).toMatchObject({ status: 200, body: { [member]: 'Ärzte & Söhne' } });
      expect(await zone.audit(changed.requestId)).toMatchObject([
        { event: { after: { [member]: 'Ärzte & Söhne' } } },
      ]);
      for (const value of NO_LINES) {
        expect((await call('PATCH', path, { [member]: value })).status).toBe(400);
      }
      expect((await call('GET', path)).body).toMatchObject({ [member]: 'Ärzte & Söhne' });
      expect((await call('PATCH', path, { [member]: null })).body).not.toHaveProperty(member);
    },
  );

  test('for scopes go with the scopes, and are of scopes that there are', async () => {
    const of = (scope: string, description = `may ${scope}`) => ({ scope, description });
    const { id } = await zone.admin('POST', '/resources', {
      identifier: 'resource://scopes',
      scopes: ['b', 'a', '__proto__'],
      scope_descriptions: [of('b'), of('__proto__'), of('a')],
    });
    const path = `/resources/${String(id)}`;
    const words = async () => (await call('GET', path)).body['scope_descriptions'];
    expect(await words()).toEqual([of('__proto__'), of('a'), of('b')]);
    for (const [status, wrong] of [
      [422, [of('c')]],
      [422, [of('a'), of('a')]],
      [400, [{ scope: 'a' }]],
      [400, [of('a', '')]],
      [400, ['a']],
      [400, 'a'],
    ] as const) {
      const refused = await call('PATCH', path, { scope_descriptions: wrong });
      expect([wrong, refused.status]).toEqual([wrong, status]);
    }
    expect((await call('PATCH', path, { scopes: ['a', 'c'] })).status).toBe(200);
    expect(await words()).toEqual([of('a')]);
    const changed = await call('PATCH', path, { scope_descriptions: [of('c')] });
    expect(changed.body['scope_descriptions']).toEqual([of('c')]);
    expect((await call('PATCH', path, { scope_descriptions: null })).status).toBe(200);
    expect(await words()).toBeUndefined();
  });
});
