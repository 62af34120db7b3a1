import { randomUUID } from 'node:crypto';
import { NotFoundException } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdToBudget } from '../../src/admin/policy-replays/change-budget.js';
import { NOTHING_REPLAYED } from '../../src/admin/policy-replays/replay-progress.js';
import { forgetReplays, storePortion } from '../../src/admin/policy-replays/replay-rows.js';
import { KEPT_DAYS, REPLAYS_JOB } from '../../src/admin/policy-replays/replaying.service.js';
import { newId } from '../../src/platform/uuid-v7.js';
import { dataSourceOptions } from '../../src/schema/data-source.js';
import { Zone } from '../../src/zones/zone.entity.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { newReplay } from '../setup/operators-routes.js';
import { activate, DENY_ALL, newPolicy, newSetVersion } from '../setup/policies.js';
import { databaseOf } from '../setup/zone-database.js';
import {
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  rowsIn,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

let replica: Replica;
const dataSources = new Map<string, Promise<DataSource>>();
/** One in which nothing comes to be. */
let anyZone: TestZone | undefined;
beforeAll(async () => {
  replica = await sharedReplica();
});

afterAll(async () => {
  for (const dataSource of dataSources.values()) await (await dataSource).destroy();
});

/** Connections to where the tables of a zone are. */
async function connectionsTo({ zoneId }: TestZone): Promise<DataSource> {
  const url = await databaseOf(replica.databaseUrl, zoneId);
  const dataSource = dataSources.get(url) ?? new DataSource(dataSourceOptions(url)).initialize();
  dataSources.set(url, dataSource);
  return dataSource;
}

interface Replay {
  readonly id: string;
  readonly state: string;
  readonly problem: string | null;
  readonly candidate: { policy_set_version_id: string | null; manifest_sha256: string };
  readonly base: { policy_set_version_id: string; manifest_sha256: string } | null;
  readonly complete: boolean;
  readonly stopped_by: string | null;
  readonly progress: Record<string, unknown>;
  readonly changed: number;
  readonly changes: Record<string, number>;
  readonly not_replayed: Record<string, number>;
  readonly differences: Record<string, unknown>[];
}

const MFA = `${PERMIT_ALL}\n@id("mfa") @step_up("mfa") forbid (principal, action, resource);`;
const SHORTER =
  '@id("all") @max_ttl("60") permit (principal, action == Action::"TokenExchange", resource);';

const path = (zone: TestZone, below = '') => `/zones/${zone.zoneId}/policy-replays${below}`;
const start = (zone: TestZone, body: object, headers: Record<string, string> = {}) =>
  callAdmin(replica, 'POST', path(zone), body, headers);

/** A replay, once it is over. */
async function over(zone: TestZone, started: Answer): Promise<Replay> {
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  const one = path(zone, `/${String(started.body['id'])}`);
  const show = async () => (await callAdmin(replica, 'GET', one)).body as unknown as Replay;
  await expect.poll(async () => (await show()).state).not.toMatch(/^(queued|running)$/);
  return show();
}

/** A zone by one policy, in which some sessions were asked for. */
async function asked(policy: string, sessions = 3) {
  const zone = await createTestZone(replica);
  await zone.activate(policy);
  const requests: string[] = [];
  for (let n = 0; n < sessions; n += 1) requests.push((await zone.session()).requestId);
  return { zone, requests };
}

describe('a replay', () => {
  const kinds: readonly (readonly [string, string, string])[] = [
    ['allow_to_deny', PERMIT_ALL, DENY_ALL],
    ['deny_to_allow', DENY_ALL, PERMIT_ALL],
    ['allow_to_step_up', PERMIT_ALL, MFA],
    ['max_ttl_changed', PERMIT_ALL, SHORTER],
    [
      'error',
      PERMIT_ALL,
      '@id("e") permit (principal, action, resource) when { 9223372036854775807 + (if context has time then 1 else 2) > 0 };',
    ],
  ];
  test.each(kinds)('says which decisions would be other ones: %s', async (kind, active, tried) => {
    const { zone, requests } = await asked(active);
    const version = await newSetVersion(zone, tried);
    const started = await start(zone, { policy_set_version_id: version.id });
    const replay = await over(zone, started);
    const resource = zone.resource;
    expect(replay).toMatchObject({
      state: 'done',
      problem: null,
      complete: true,
      stopped_by: null,
      candidate: { policy_set_version_id: version.id, manifest_sha256: version.manifest_sha256 },
      changed: 3,
      changes: { [kind]: 3 },
      progress: { percent: 100, requests: 3, decisions: 3, decided_by_others: 0 },
      not_replayed: { policy_not_asked: 0, policy_unusable: 0, input_unknown: 0, too_slow: 0 },
      differences: [{ kind, client_id: zone.clientId, resource, count: 3 }],
    });
    expect(replay.differences[0]?.['examples']).toEqual(expect.arrayContaining(requests));
    expect(await zone.audit(started.requestId)).toMatchObject([
      {
        event: {
          type: 'admin.policy_replay.started',
          policy_replay: { id: replay.id, candidate: replay.candidate },
        },
      },
    ]);
  });

  test('groups by client and resource, and counts what policy was not asked about', async () => {
    const { zone } = await asked(PERMIT_ALL, 1);
    const other = await zone.newClient();
    const theirs = { client_id: other.clientId, client_secret: other.secret };
    await zone.session(theirs);
    await zone.session({ ...theirs, resource: zone.otherResource, scope: 'b:read' });
    expect((await zone.session({ scope: 'unknown' })).status).toBe(400);
    const version = await newSetVersion(
      zone,
      PERMIT_ALL,
      `@id("them") forbid (principal == Application::"${other.clientId}", action, resource);`,
    );
    const replay = await over(zone, await start(zone, { policy_set_version_id: version.id }));
    expect(replay).toMatchObject({
      changed: 2,
      progress: { requests: 4, decisions: 3 },
      not_replayed: { policy_not_asked: 1 },
    });
    const shown = replay.differences.map(({ client_id, resource, count }) => [
      client_id,
      resource,
      count,
    ]);
    expect(shown).toHaveLength(2);
    expect(shown).toEqual(
      expect.arrayContaining([
        [other.clientId, zone.resource, 1],
        [other.clientId, zone.otherResource, 1],
      ]),
    );
  });

  test('compares with what is active, whoever had decided', async () => {
    const { zone } = await asked(DENY_ALL);
    await zone.activate(PERMIT_ALL);
    const version = await newSetVersion(zone, DENY_ALL);
    const replay = await over(zone, await start(zone, { policy_set_version_id: version.id }));
    expect(replay).toMatchObject({
      changes: { allow_to_deny: 3 },
      progress: { decisions: 3, decided_by_others: 3 },
    });
  });

  test('takes policies that are not stored, beside those that are', async () => {
    const { zone } = await asked(PERMIT_ALL, 1);
    const stored = await newPolicy(zone, PERMIT_ALL);
    const given = { name: `given ${randomUUID()}`, content: DENY_ALL };
    const started = await start(zone, { policy_version_ids: [stored.id], policies: [given] });
    const replay = await over(zone, started);
    expect(replay).toMatchObject({
      state: 'done',
      candidate: { policy_set_version_id: null },
      changes: { allow_to_deny: 1 },
    });
    // What they were is forgotten; their hash is that of the same policies in a set.
    const [row] = await rowsIn(zone, 'SELECT modules FROM policy_replays WHERE id = $1', [
      replay.id,
    ]);
    expect(row).toEqual({ modules: null });
    const { id } = (await zone.admin('POST', '/policies', given))['version'] as { id: string };
    const { id: set } = await zone.admin('POST', '/policy-sets', { name: randomUUID() });
    const body = { policy_version_ids: [stored.id, id] };
    const version = await zone.admin('POST', `/policy-sets/${String(set)}/versions`, body);
    expect(version['manifest_sha256']).toBe(replay.candidate.manifest_sha256);
  });

  test('ends after as many decisions as it may come to, the newest first', async () => {
    const { zone, requests } = await asked(PERMIT_ALL, 4);
    const version = await newSetVersion(zone, DENY_ALL);
    const body = { policy_set_version_id: version.id, max_decisions: 2 };
    const replay = await over(zone, await start(zone, body));
    expect(replay).toMatchObject({
      state: 'done',
      complete: false,
      stopped_by: 'max_decisions',
      changes: { allow_to_deny: 2 },
    });
    const examples = replay.differences[0]?.['examples'];
    expect(examples).toEqual(requests.toReversed().slice(0, 2));
  });

  test('is gone on with by another process where a crash has left it, and counts nothing twice', async () => {
    const { zone } = await asked(PERMIT_ALL, 4);
    const version = await newSetVersion(zone, DENY_ALL);
    const body = { policy_set_version_id: version.id, max_decisions: 2 };
    const half = await over(zone, await start(zone, body));
    // As if the process that was at it had gone after it had stored that.
    await rowsIn(
      zone,
      `UPDATE policy_replays SET state = 'running', holder = $2, finished_at = NULL, max_decisions = 100,
              leased_until = now() - interval '1 second', progress = progress || '{"stoppedBy": null}'
        WHERE id = $1`,
      [half.id, randomUUID()],
    );
    const one = path(zone, `/${half.id}`);
    const show = async () => (await callAdmin(replica, 'GET', one)).body;
    await expect.poll(async () => (await show())['state']).toBe('done');
    expect(await show()).toMatchObject({
      complete: true,
      changed: 4,
      changes: { allow_to_deny: 4 },
      differences: [{ count: 4 }],
    });
  });

  test('says what it could not do', async () => {
    const { zone } = await asked(PERMIT_ALL, 1);
    const { id, policy_set_id: set } = await newSetVersion(zone, DENY_ALL);
    await newReplay(zone, id);
    expect(
      (await callAdmin(replica, 'DELETE', `/zones/${zone.zoneId}/policy-sets/${set}`)).status,
    ).toBe(204);
    await rows(
      replica.databaseUrl,
      `UPDATE policy_replays SET leased_until = now() - interval '1 second' WHERE zone_id = $1`,
      [zone.zoneId],
    );
    const list = async () =>
      ((await callAdmin(replica, 'GET', path(zone))).body['items'] as Replay[])[0];
    await expect.poll(async () => (await list())?.state).toBe('failed');
    expect((await list())?.problem).toBe(
      'a policy set version is gone, or the policies do not match their hash',
    );
  });
});

describe('a replay that is stored', () => {
  test('counts nothing twice where two processes are at it', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, DENY_ALL);
    const id = await newReplay(zone, version.id);
    const dataSource = await connectionsTo(zone);
    const [row] = await dataSource.query<{ holder: string }[]>(
      'SELECT holder FROM policy_replays WHERE id = $1',
      [id],
    );
    const difference = {
      kind: 'allow_to_deny',
      clientId: zone.clientId,
      resource: zone.resource,
      count: 1,
      examples: [randomUUID()],
    } as const;
    const store = (holder: string) =>
      storePortion(
        dataSource.manager,
        holder,
        { zoneId: zone.zoneId, id, cursorId: null },
        {
          cursorId: randomUUID(),
          progress: NOTHING_REPLAYED,
          found: [difference],
          isOver: false,
        },
      );
    expect(await store(randomUUID())).toBeNull();
    const holder = String(row?.holder);
    const stored = await Promise.all([store(holder), store(holder)]);
    expect(stored.filter((goesOn) => goesOn !== null)).toEqual([true]);
    const counts = await dataSource.query<unknown[]>(
      'SELECT count::int FROM policy_replay_differences WHERE replay_id = $1',
      [id],
    );
    expect(counts).toEqual([{ count: 1 }]);
  });

  test('is given up where it cannot go on, and says so', async () => {
    const { zone } = await asked(PERMIT_ALL, 1);
    const version = await newSetVersion(zone, DENY_ALL);
    const id = await newReplay(zone, version.id);
    const dataSource = await connectionsTo(zone);
    // Texts that are not what their hash says: no fault of an operator's.
    await dataSource.query(
      `UPDATE policy_replays SET modules = $2, manifest_sha256 = 'another' WHERE id = $1`,
      [id, JSON.stringify([{ id: 'x', content: DENY_ALL }])],
    );
    const soon = async () => {
      await dataSource.query(
        `UPDATE policy_replays SET leased_until = now() WHERE id = $1 AND state = 'running'`,
        [id],
      );
      await dataSource.query('SELECT wake_job($1)', [REPLAYS_JOB]);
      return (await callAdmin(replica, 'GET', path(zone, `/${id}`))).body;
    };
    await expect.poll(soon).toMatchObject({
      state: 'failed',
      problem: expect.stringContaining('could not go on'),
    });
    const [kept] = await dataSource.query<unknown[]>(
      'SELECT modules, finished_at IS NOT NULL AS over FROM policy_replays WHERE id = $1',
      [id],
    );
    expect(kept).toEqual({ modules: null, over: true });
  });

  test('is forgotten after its days, or beside a hundred newer ones', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, PERMIT_ALL);
    const dataSource = await connectionsTo(zone);
    const finished = async (id: string, days: number) => {
      await dataSource.query(
        `INSERT INTO policy_replays (zone_id, id, operator, manifest_sha256, from_at, to_at, max_decisions, progress, state,
                                     finished_at)
         VALUES ($1, $2, 'a test', 'a hash', now(), now(), 10, $3, 'done', now() - $4::integer * interval '1 day')`,
        [zone.zoneId, id, JSON.stringify(NOTHING_REPLAYED), days],
      );
      return id;
    };
    const ids = async (but: string = randomUUID()) =>
      (
        await dataSource.query<{ id: string }[]>(
          'SELECT id FROM policy_replays WHERE zone_id = $1 AND id <> $2',
          [zone.zoneId, but],
        )
      ).map(({ id }) => id);
    // Older by its id than all that is made now.
    const young = await finished('00000000-0000-7000-8000-000000000001', KEPT_DAYS - 1);
    await finished('00000000-0000-7000-8000-000000000000', KEPT_DAYS + 1);
    await forgetReplays(dataSource.manager, KEPT_DAYS, 1_000);
    expect(await ids()).toEqual([young]);
    for (let n = 0; n < 99; n += 1) await finished(newId(), 0);
    const body = { policy_set_version_id: version.id };
    const before = await ids();
    expect(before).toHaveLength(100);
    const started = await start(zone, body);
    await over(zone, started);
    const after = await ids(String(started.body['id']));
    expect(after.toSorted()).toEqual(before.filter((id) => id !== young).toSorted());
  });
});

describe('a request for a replay', () => {
  test('is one at a time in a zone, until it is cancelled', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, DENY_ALL);
    const id = await newReplay(zone, version.id);
    const body = { policy_set_version_id: version.id };
    expect((await start(zone, body)).status).toBe(409);
    const cancel = path(zone, `/${id}/cancel`);
    const cancelled = await callAdmin(replica, 'POST', cancel);
    expect(cancelled).toMatchObject({ status: 200, body: { id, state: 'cancelled' } });
    expect(await zone.audit(cancelled.requestId)).toMatchObject([
      { event: { type: 'admin.policy_replay.cancelled', policy_replay: { id } } },
    ]);
    expect((await callAdmin(replica, 'POST', cancel)).status).toBe(409);
    expect((await over(zone, await start(zone, body))).state).toBe('done');
    expect((await callAdmin(replica, 'GET', path(zone, '?state=cancelled'))).body).toMatchObject({
      items: [{ id, state: 'cancelled' }],
    });
  });

  test('is carried out once, by its key', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, PERMIT_ALL);
    const key = { 'idempotency-key': randomUUID() };
    const body = { policy_set_version_id: version.id };
    const first = await start(zone, body, key);
    const again = await start(zone, body, key);
    expect(again.body['id']).toBe(first.body['id']);
    await over(zone, first);
  });

  test.each([
    ['nothing', {}, 400],
    ['two ways', { policy_set_version_id: randomUUID(), policies: [] }, 400],
    ['a set that is not there', { policy_set_version_id: randomUUID() }, 404],
    ['a policy that is not there', { policy_version_ids: [randomUUID()] }, 422],
    ['no policy', { policies: [{ name: 'x', content: 'permit' }] }, 422],
    ['too many days', { policies: [], days: 91 }, 400],
    ['no decisions', { policies: [], max_decisions: 0 }, 400],
  ])('is refused for %s', async (_what, body, status) => {
    anyZone ??= await createTestZone(replica);
    expect((await start(anyZone, body)).status).toBe(status);
  });

  test('sees nothing of other zones', async () => {
    const [zone, other] = [await createTestZone(replica), await createTestZone(replica)];
    const version = await newSetVersion(zone, DENY_ALL);
    const id = await newReplay(zone, version.id);
    expect((await start(other, { policy_set_version_id: version.id })).status).toBe(404);
    expect((await callAdmin(replica, 'GET', path(other, `/${id}`))).status).toBe(404);
    expect((await callAdmin(replica, 'POST', path(other, `/${id}/cancel`))).status).toBe(404);
    await callAdmin(replica, 'POST', path(zone, `/${id}/cancel`));
  });
});

describe('an activation with max_changes', () => {
  const put = (zone: TestZone, id: string, max_changes: number) =>
    callAdmin(replica, 'PUT', `/zones/${zone.zoneId}/policy`, {
      policy_set_version_id: id,
      max_changes,
    });

  test('needs a replay of the same policies against the active ones that found no more', async () => {
    const { zone } = await asked(PERMIT_ALL, 2);
    const version = await newSetVersion(zone, DENY_ALL);
    const body = { policy_set_version_id: version.id };
    expect((await put(zone, version.id, 100)).status).toBe(409);
    const partly = await over(zone, await start(zone, { ...body, max_decisions: 1 }));
    expect(partly.complete).toBe(false);
    expect((await put(zone, version.id, 100)).status).toBe(409);
    const replay = await over(zone, await start(zone, body));
    const tooMany = await put(zone, version.id, 1);
    expect(tooMany.status).toBe(409);
    expect(JSON.stringify(tooMany.body)).toContain('2 decisions would be other ones');
    const activated = await put(zone, version.id, 2);
    expect(activated.status).toBe(200);
    expect(await zone.audit(activated.requestId)).toMatchObject([
      {
        event: {
          type: 'admin.policy.activated',
          budget: { policy_replay_id: replay.id, max_changes: 2, changed: 2 },
        },
      },
    ]);
    // It was against what was active then.
    await zone.activate(PERMIT_ALL + '\n// another one');
    expect((await put(zone, version.id, 100)).status).toBe(409);
  });

  test('is held to the budget of its zone, if that is smaller than its own', async () => {
    const zone = await createTestZone(replica);
    const at = `/zones/${zone.zoneId}`;
    const set = (policy_max_changes: unknown) =>
      callAdmin(replica, 'PATCH', at, { policy_max_changes });
    const refused = [-1, 1_000_001, 1.5, '0', true, [1]];
    const wrong = await Promise.all(refused.map(set));
    expect(wrong.map(({ status }) => status)).toEqual(refused.map(() => 400));
    expect((await set(0)).body).toMatchObject({ policy_max_changes: 0 });
    const active = (await callAdmin(replica, 'GET', `${at}/policy`)).body;
    const permitting = String(active['policy_set_version_id']);
    for (let n = 0; n < 2; n += 1) await zone.session();
    const deny = await newSetVersion(zone, DENY_ALL);
    const bare = await activate(replica, zone.zoneId, deny.id);
    expect(bare.status).toBe(409);
    expect(JSON.stringify(bare.body)).toContain('policy_max_changes of the zone needs a replay');
    const replay = await over(zone, await start(zone, { policy_set_version_id: deny.id }));
    expect((await activate(replica, zone.zoneId, deny.id)).status).toBe(409);
    const looser = await put(zone, deny.id, 100);
    expect(looser.status).toBe(409);
    expect(JSON.stringify(looser.body)).toContain('policy_max_changes of the zone allows 0');
    expect((await set(2)).status).toBe(200);
    expect((await put(zone, deny.id, 1)).status).toBe(409);
    const activated = await activate(replica, zone.zoneId, deny.id);
    expect(activated.status).toBe(200);
    expect(await zone.audit(activated.requestId)).toMatchObject([
      { event: { budget: { policy_replay_id: replay.id, max_changes: 2, changed: 2 } } },
    ]);
    // What is active already changes nothing, and who may change the zone may take its budget back.
    expect((await activate(replica, zone.zoneId, deny.id)).status).toBe(200);
    expect((await activate(replica, zone.zoneId, permitting)).status).toBe(409);
    const taken = await set(null);
    expect(taken.body).not.toHaveProperty('policy_max_changes');
    expect(await zone.audit(taken.requestId)).toMatchObject([
      { event: { type: 'admin.zone.changed', before: { policy_max_changes: 2 } } },
    ]);
    expect((await activate(replica, zone.zoneId, permitting)).status).toBe(200);
  });

  test('is not held to it where nothing is active', async () => {
    const body = { name: `zone ${randomUUID()}`, policy_max_changes: 0 };
    const { id } = (await callAdmin(replica, 'POST', '/zones', body)).body;
    const at = `/zones/${String(id)}`;
    const policy = { name: 'all', content: PERMIT_ALL };
    const { version } = (await callAdmin(replica, 'POST', `${at}/policies`, policy)).body;
    const set = (await callAdmin(replica, 'POST', `${at}/policy-sets`, { name: 'main' })).body;
    const members = { policy_version_ids: [(version as { id: string }).id] };
    const versions = `${at}/policy-sets/${String(set['id'])}/versions`;
    const added = (await callAdmin(replica, 'POST', versions, members)).body;
    expect((await activate(replica, String(id), String(added['id']))).status).toBe(200);
  });

  test('finds no version that has gone meanwhile', async () => {
    anyZone ??= await createTestZone(replica);
    const dataSource = await connectionsTo(anyZone);
    const zone = await dataSource.manager.findOneByOrFail(Zone, { id: anyZone.zoneId });
    const held = holdToBudget(dataSource.manager, zone, randomUUID(), 0);
    await expect(held).rejects.toThrow(NotFoundException);
  });

  test('takes none that is too old, and counts what could not be made again', async () => {
    const { zone } = await asked(PERMIT_ALL, 1);
    const version = await newSetVersion(zone, PERMIT_ALL);
    const { id } = await over(zone, await start(zone, { policy_set_version_id: version.id }));
    const set = (sql: string) =>
      rowsIn(zone, `UPDATE policy_replays SET ${sql} WHERE id = $1`, [id]);
    await set(`progress = jsonb_set(progress, '{notReplayed,tooSlow}', '1')`);
    const unknown = await put(zone, version.id, 0);
    expect(unknown.status).toBe(409);
    expect(JSON.stringify(unknown.body)).toContain('1 could not be made again');
    await set(`to_at = now() - interval '25 hours'`);
    expect((await put(zone, version.id, 1)).status).toBe(409);
    expect((await activate(replica, zone.zoneId, version.id)).status).toBe(200);
  });
});
