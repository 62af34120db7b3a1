import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body);

const newPolicy = async (content: string, name = `policy ${randomUUID()}`) => {
  const { version } = await zone.admin('POST', '/policies', { name, content });
  return version as { id: string; policy_id: string; version: number; sha256: string };
};

const newSet = async () => {
  const { id } = await zone.admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
  return `/policy-sets/${String(id)}/versions`;
};

const permit = (id: string): string => `@id("${id}") permit (principal, action, resource);`;

describe('a policy', () => {
  test('has versions that count up and carry the hash of their text', async () => {
    const first = await newPolicy(PERMIT_ALL);
    expect(first).toMatchObject({
      version: 1,
      sha256: createHash('sha256').update(PERMIT_ALL).digest('hex'),
    });
    const path = `/policies/${first.policy_id}/versions`;
    const more = await Promise.all(
      Array.from({ length: 5 }, () => call('POST', path, { content: PERMIT_ALL })),
    );
    expect(new Set(more.map(({ body }) => body['version']))).toEqual(new Set([2, 3, 4, 5, 6]));
  });

  const broken: readonly (readonly [string, string, object])[] = [
    ['a syntax error', 'permit (principal,\n  action resource);', { line: 2, column: 10 }],
    ['an unknown word', 'allow (principal, action, resource);', { line: 1, column: 1 }],
    ['a template', 'permit (principal == ?principal, action, resource);', { line: 1, column: 1 }],
    [
      'a step-up on a permit',
      `@step_up("mfa")\n${PERMIT_ALL}`,
      { policy: 'all', line: 1, column: 1 },
    ],
    [
      'a life without a number',
      `@max_ttl("soon")\n${PERMIT_ALL}`,
      { policy: 'all', line: 1, column: 1 },
    ],
    ['two of one name', `${PERMIT_ALL}\n${PERMIT_ALL}`, { policy: 'all' }],
    ['no id', 'permit (principal, action, resource);', { line: 1, column: 1 }],
    ['257 KiB', `// ${'x'.repeat(257 * 1_024)}\n${PERMIT_ALL}`, {}],
    ['65 levels', `permit(principal, action, resource) when {${'!'.repeat(65)}true};`, {}],
  ];

  test.each(broken)('with %s does not compile', async (_case, content, at) => {
    const name = `policy ${randomUUID()}`;
    const answer = await call('POST', '/policies', { name, content });
    expect(answer).toMatchObject({
      status: 422,
      body: { error: 'unprocessable', requestId: answer.requestId },
    });
    const errors = answer.body['errors'] as { policy: string; message: string }[];
    expect(errors[0]).toMatchObject({ policy: name, message: expect.any(String), ...at });
    expect(await auditOf(replica.databaseUrl, answer.requestId)).toEqual([]);
    const { policy_id: id } = await newPolicy(PERMIT_ALL);
    expect((await call('POST', `/policies/${id}/versions`, { content })).status).toBe(422);
  });
});

describe('a policy set', () => {
  test('has a manifest that does not depend on order', async () => {
    const [a, b] = [await newPolicy(permit('a')), await newPolicy(permit('b'))];
    const path = await newSet();
    const one = await zone.admin('POST', path, { policy_version_ids: [a.id, b.id] });
    const two = await zone.admin('POST', path, { policy_version_ids: [b.id, a.id, b.id] });
    expect([one['version'], two['version']]).toEqual([1, 2]);
    expect(one['manifest_sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(two['manifest_sha256']).toBe(one['manifest_sha256']);
    expect(two['policy_version_ids']).toEqual([a.id, b.id].toSorted());
  });

  test('refuses versions that do not exist, are of another zone, or do not go together', async () => {
    const path = await newSet();
    const mine = await newPolicy(PERMIT_ALL);
    const next = await zone.admin('POST', `/policies/${mine.policy_id}/versions`, {
      content: `${PERMIT_ALL} // 2`,
    });
    const [x, y] = [await newPolicy(permit('same')), await newPolicy(permit('same'))];
    const elsewhere = await createTestZone(replica);
    const { items } = (await elsewhere.admin('GET', '/policies')) as { items: { id: string }[] };
    const theirs = (await elsewhere.admin('GET', `/policies/${items[0]?.id}/versions`)) as {
      items: { id: string }[];
    };
    for (const ids of [
      [randomUUID()],
      [mine.id, randomUUID()],
      [theirs.items[0]?.id],
      [mine.id, next['id']],
      [x.id, y.id],
    ]) {
      expect((await call('POST', path, { policy_version_ids: ids })).status).toBe(422);
    }
    expect((await call('GET', path)).body['items']).toEqual([]);
  });

  test('may be empty, and then denies everything', async () => {
    const before = await zone.activate(PERMIT_ALL);
    const empty = await zone.admin('POST', await newSet(), { policy_version_ids: [] });
    await zone.admin('PUT', '/policy', { policy_set_version_id: empty['id'] });
    expect((await zone.session()).body['error']).toBe('access_denied');
    await zone.admin('PUT', '/policy', { policy_set_version_id: before });
    expect((await zone.session()).status).toBe(200);
  });
});

describe('activation', () => {
  test('is shown, decides from the next request on, and is on record', async () => {
    const before = await zone.activate(PERMIT_ALL);
    const denying = await newPolicy('@id("no") forbid (principal, action, resource);');
    const version = await zone.admin('POST', await newSet(), {
      policy_version_ids: [denying.id],
    });
    const put = await call('PUT', '/policy', { policy_set_version_id: version['id'] });
    expect(put).toMatchObject({
      status: 200,
      body: { zone_id: zone.zoneId, policy_set_version_id: version['id'] },
    });
    expect(put.body).toMatchObject((await call('GET', '/policy')).body);
    expect((await zone.session()).status).toBe(403);
    expect(await auditOf(replica.databaseUrl, put.requestId)).toMatchObject([
      { event: { type: 'admin.policy.activated', before, after: version['id'] } },
    ]);
    await zone.activate(PERMIT_ALL);
    expect((await zone.session()).status).toBe(200);
  });

  test('of nothing known is refused', async () => {
    const answer = await call('PUT', '/policy', { policy_set_version_id: randomUUID() });
    expect(answer.status).toBe(404);
    const policy = await newPolicy(PERMIT_ALL);
    const wrong = await call('PUT', '/policy', { policy_set_version_id: policy.id });
    expect(wrong.status).toBe(404);
  });
});

const status = (zoneId: string) => callAdmin(replica, 'GET', `/policy/status/${zoneId}`);

describe('the status', () => {
  test('of a zone without an active policy', async () => {
    const { id } = (await callAdmin(replica, 'POST', '/zones', { name: randomUUID() })).body;
    expect(await status(String(id))).toMatchObject({
      status: 200,
      body: { zone_id: id, loaded: false },
    });
  });

  test('of a zone with one', async () => {
    const since = Date.now();
    const version = await zone.activate(PERMIT_ALL);
    const answer = await expect
      .poll(async () => (await status(zone.zoneId)).body)
      .toMatchObject({ zone_id: zone.zoneId, loaded: true, policy_set_version_id: version })
      .then(() => status(zone.zoneId));
    expect(answer.body['manifest_sha256']).toMatch(/^[0-9a-f]{64}$/);
    const loaded = Date.parse(String(answer.body['loaded_at']));
    expect(loaded).toBeGreaterThanOrEqual(since);
    expect(loaded).toBeLessThanOrEqual(Date.now());
    // Whole seconds, of what is less than has passed here.
    expect(answer.body['age_seconds']).toBeGreaterThanOrEqual(0);
    expect(answer.body['age_seconds']).toBeLessThanOrEqual(Math.ceil((Date.now() - since) / 1_000));
  });

  test('of a set that was edited behind our back', async () => {
    const edited = await createTestZone(replica);
    await rows(
      replica.databaseUrl,
      `DO $$ BEGIN
         SET LOCAL session_replication_role = replica;
         UPDATE policy_versions SET content = content || ' ' WHERE zone_id = '${edited.zoneId}';
         SET LOCAL session_replication_role = origin;
         UPDATE zones SET version = version WHERE id = '${edited.zoneId}';
       END $$`,
    );
    await expect
      .poll(async () => (await status(edited.zoneId)).body)
      .toMatchObject({ loaded: false, problem: expect.stringContaining('hash') });
    expect((await edited.session()).status).toBe(503);
  });

  test('of an unknown or malformed zone', async () => {
    for (const id of [randomUUID(), 'x', '%00']) expect((await status(id)).status).toBe(404);
  });
});
