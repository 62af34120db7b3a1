import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, PERMIT_ALL } from '../setup/zone.js';

let replica: Replica;
beforeAll(async () => {
  replica = await sharedReplica();
});

/** The tables that a test zone has rows in which no request has made. */
const TABLES = ['resources', 'policies', 'policy_versions', 'policy_sets', 'policy_set_versions'];

/** What differs from zone to zone. */
const OWN = [
  'zone_id',
  'id',
  'policy_id',
  'policy_set_id',
  'name',
  'manifest_sha256',
  'created_at',
];

/** The rows of a zone in those tables, without what is its own, and what links them. */
async function contentOf(zoneId: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const table of TABLES) {
    const kept = await rows<{ row: object }>(
      replica.databaseUrl,
      `SELECT to_jsonb(t) - $2::text[] AS row FROM ${table} t WHERE zone_id = $1 ORDER BY id`,
      [zoneId, OWN],
    );
    found[table] = kept.map(({ row }) => row);
  }
  return found;
}

test('a test zone is as operators make one', async () => {
  const zone = await createTestZone(replica);
  const { body } = await callAdmin(replica, 'POST', '/zones', { name: `by hand ${zone.zoneId}` });
  const at = `/zones/${String(body['id'])}`;
  const made = async (path: string, content: object) =>
    (await callAdmin(replica, 'POST', `${at}${path}`, content)).body;
  await made('/resources', { identifier: zone.resource, scopes: ['a:read', 'a:write', 'shared'] });
  await made('/resources', { identifier: zone.otherResource, scopes: ['b:read', 'shared'] });
  const policy = await made('/policies', { name: 'by hand', content: PERMIT_ALL });
  const set = await made('/policy-sets', { name: 'by hand' });
  const version = await made(`/policy-sets/${String(set['id'])}/versions`, {
    policy_version_ids: [(policy['version'] as { id: string }).id],
  });
  const activated = await callAdmin(replica, 'PUT', `${at}/policy`, {
    policy_set_version_id: version['id'],
  });
  expect(activated.status).toBe(200);
  expect(await contentOf(zone.zoneId)).toEqual(await contentOf(String(body['id'])));
  // Read, it is what was hashed, and decides.
  const shown = await zone.admin('GET', '/policy');
  expect(shown).toMatchObject({ policy_set_version_id: expect.any(String) });
  expect((await zone.session()).status).toBe(200);
});
