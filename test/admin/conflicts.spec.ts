import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { FIELD_OF_CONSTRAINT } from '../../src/admin/violated-constraint.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

/** Of a machine that is so busy that it says so, one asks again. */
const call = (method: string, path: string, body?: unknown) =>
  persistently(() => callAdmin(replica, method, path, body));

const inZone = (path: string) => `/zones/${zone.zoneId}${path}`;
const named = () => ({ name: `name ${randomUUID()}` });
const identified = () => ({ identifier: `urn:${randomUUID()}`, scopes: ['a'] });

describe('what is made twice is a conflict that names the field', () => {
  const nouns: readonly (readonly [string, string, () => object, string])[] = [
    ['zone', '/zones', named, 'name'],
    ['client', '/clients', named, 'name'],
    ['policy set', '/policy-sets', named, 'name'],
    ['proof system', '/proof-systems', named, 'name'],
    ['resource', '/resources', identified, 'identifier'],
  ];

  test.each(nouns)('%s', async (noun, path, body, field) => {
    const at = noun === 'zone' ? path : inZone(path);
    const one = body();
    expect((await call('POST', at, one)).status).toBe(201);
    const again = await call('POST', at, one);
    expect(again.status).toBe(409);
    expect(again.body).toEqual({
      error: 'conflict',
      error_description: 'something of that name or identifier exists',
      errors: [{ field, message: 'it is taken', code: 'taken' }],
      requestId: again.requestId,
    });
    expect(await zone.audit(again.requestId)).toEqual([]);
  });

  test('a zone that is given the name of another', async () => {
    const [one, other] = [named(), named()];
    await call('POST', '/zones', one);
    const { body } = await call('POST', '/zones', other);
    const changed = await call('PATCH', `/zones/${String(body['id'])}`, one);
    expect([changed.status, changed.body['errors']]).toEqual([
      409,
      [{ field: 'name', message: 'it is taken', code: 'taken' }],
    ]);
  });
});

describe('what refers to something is a conflict that names the field', () => {
  test('a resource whose owner does not exist', async () => {
    const refused = await call('POST', inZone('/resources'), {
      ...identified(),
      owner_client_id: randomUUID(),
    });
    expect([refused.status, refused.body['errors']]).toEqual([
      409,
      [{ field: 'owner_client_id', message: 'there is no such thing', code: 'unknown' }],
    ]);
  });

  test('a client that owns a resource', async () => {
    const owner = String((await call('POST', inZone('/clients'), named())).body['id']);
    const owned = { ...identified(), owner_client_id: owner };
    expect((await call('POST', inZone('/resources'), owned)).status).toBe(201);
    const refused = await call('DELETE', inZone(`/clients/${owner}`));
    expect([refused.status, refused.body['errors']]).toEqual([
      409,
      [{ field: 'owner_client_id', message: 'something refers to it here', code: 'in_use' }],
    ]);
  });
});

test('what is malformed is told of member by member', async () => {
  const refused = await call('POST', inZone('/clients'), { name: '', labels: ['a', ''], x: 1 });
  expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
  const errors = refused.body['errors'] as { field: string; code: string; message: string }[];
  expect(errors.map(({ field, code }) => `${field} ${code}`).toSorted()).toEqual([
    'labels is_line',
    'name is_line',
    'x unknown_member',
  ]);
  expect(refused.body['error_description']).toBe(errors.map(({ message }) => message).join('; '));
  const query = await call('GET', '/zones?limit=0');
  expect([query.status, query.body['errors']]).toEqual([
    400,
    [{ field: 'limit', message: 'limit must not be less than 1', code: 'min' }],
  ]);
});

/** What only this server itself writes, with values that it draws: no request can violate them. */
const NOT_OF_BODIES = [
  'enrolments_zone_id_id_key',
  'administration_control_zone_id_fkey',
  'operator_keys_digest_key',
  'operator_keys_id_key',
  'operator_keys_operator_id_drawn_with_fkey',
  'access_analyses_under_way',
  'policy_replays_under_way',
  'policy_set_versions_zone_id_policy_set_id_version_key',
  'policy_versions_zone_id_policy_id_version_key',
  'ssf_deliveries_zone_id_stream_id_jti_key',
  'ssf_streams_zone_id_client_id_key',
  'challenge_decisions_by_person',
  'zones_id_fkey',
];

test('each constraint that a body may violate has the field that it is about', async () => {
  const found = await rows<{ name: string; must: boolean }>(
    replica.databaseUrl,
    `SELECT conname AS name, contype = 'u' OR confdeltype <> 'c' AS must
       FROM pg_constraint
      WHERE contype IN ('u', 'f') AND conparentid = 0 AND connamespace = 'public'::regnamespace
     UNION ALL
     SELECT relname, true FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indisunique AND relnamespace = 'public'::regnamespace AND NOT relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`,
  );
  // A distributed database has what is whole on a node once more there, with a number.
  const known = Object.keys(FIELD_OF_CONSTRAINT);
  const schemas = found.filter(({ name }) => !/_\d{6,}$/.test(name));
  const names = schemas.map(({ name }) => name);
  expect(known.filter((name) => !names.includes(name))).toEqual([]);
  const needed = schemas.filter(({ must }) => must).map(({ name }) => name);
  expect(needed.filter((name) => ![...known, ...NOT_OF_BODIES].includes(name))).toEqual([]);
  expect(NOT_OF_BODIES.filter((name) => !needed.includes(name))).toEqual([]);
});
