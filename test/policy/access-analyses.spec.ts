import { beforeAll, describe, expect, test } from 'vitest';
import { forgetAnalysis } from '../../src/admin/access-analyses/analysis-rows.js';
import { rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { applicationOf } from '../setup/agents.js';
import { newAnalysis } from '../setup/operators-routes.js';
import { activate, DENY_ALL } from '../setup/policies.js';
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
beforeAll(async () => {
  replica = await sharedReplica();
});

type Rows = Record<string, unknown>[];
interface Advice {
  readonly resources: Rows;
  readonly scopes: Rows;
  readonly clients: Rows;
  readonly client_scopes: Rows;
  readonly wide_clients: Rows;
  readonly delegations: Rows;
  readonly more: string[];
  readonly too_young: Record<string, number>;
  readonly policy: {
    readonly name: string;
    readonly content: string;
    readonly statements: number;
    readonly candidate: object;
    readonly manifest_sha256: string;
    readonly replay: Record<string, unknown> | null;
  } | null;
}
interface Analysis {
  readonly id: string;
  readonly state: string;
  readonly complete: boolean;
  readonly from: string;
  readonly log_complete_since: string;
  readonly progress: Record<string, unknown>;
  readonly advice: Advice | null;
}

const path = (zone: TestZone, below = '') => `/zones/${zone.zoneId}/access-analyses${below}`;
const start = (zone: TestZone, body: object = {}) => callAdmin(replica, 'POST', path(zone), body);
const show = async (zone: TestZone, id: string) =>
  (await callAdmin(replica, 'GET', path(zone, `/${id}`))).body as unknown as Analysis;

async function over(zone: TestZone, started: Answer): Promise<Analysis> {
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  const id = String(started.body['id']);
  await expect.poll(async () => (await show(zone, id)).state).not.toMatch(/^(queued|running)$/);
  return show(zone, id);
}

/** What an analysis advises. */
async function advised(zone: TestZone, body: object = {}): Promise<Advice> {
  const analysis = await over(zone, await start(zone, body));
  expect(analysis).toMatchObject({ state: 'done', complete: true });
  if (analysis.advice === null) throw new Error('no advice');
  return analysis.advice;
}

/** Lets what is registered in a zone seem to be there for so many days. */
async function age(zone: TestZone, days = 40): Promise<void> {
  const [before] = [`now() - interval '${days} days'`];
  for (const table of ['clients', 'resources']) {
    await rows(
      replica.databaseUrl,
      `UPDATE ${table} SET created_at = ${before}, updated_at = NULL WHERE zone_id = $1`,
      [zone.zoneId],
    );
  }
}

async function oldZone(): Promise<TestZone> {
  const zone = await createTestZone(replica);
  await age(zone);
  return zone;
}

describe('an access analysis', () => {
  test('finds what was not used, and its policy changes no decision that was made', async () => {
    const zone = await oldZone();
    const [other, idle, young] = [
      await zone.newClient(),
      await zone.newClient(),
      await zone.newClient(),
    ];
    await zone.admin('POST', '/resources', { identifier: 'resource://old', scopes: ['x'] });
    await age(zone);
    await rowsIn(zone, 'UPDATE clients SET created_at = now() WHERE id = $1', [young.clientId]);
    // A session for two resources is exchanged for less of one of them.
    const resources = { resource: [zone.resource, zone.otherResource], scope: 'shared' };
    const session = String((await zone.session(resources)).body['access_token']);
    const narrower = await zone.exchange({ subject_token: session, scope: 'shared' });
    expect(narrower.status).toBe(200);
    const theirs = { client_id: other.clientId, client_secret: other.secret };
    expect((await zone.session({ ...theirs, scope: 'a:read' })).status).toBe(200);

    const started = await start(zone);
    const analysis = await over(zone, started);
    expect(await zone.audit(started.requestId)).toMatchObject([
      {
        event: {
          type: 'admin.access_analysis.started',
          access_analysis: { id: analysis.id, days: 30 },
        },
      },
    ]);
    const { advice } = analysis;
    expect(analysis.progress).toMatchObject({ percent: 100, requests: 3, decisions: 4, uses: 4 });
    expect(advice).toMatchObject({
      resources: [{ resource: 'resource://old' }],
      scopes: [
        { resource: zone.resource, used_scopes: ['a:read', 'shared'], unused_scopes: ['a:write'] },
        { resource: zone.otherResource, used_scopes: ['shared'], unused_scopes: ['b:read'] },
      ],
      clients: [
        {
          client_id: idle.clientId,
          request: {
            method: 'PATCH',
            path: `/internal/zones/${zone.zoneId}/clients/${idle.clientId}`,
            body: { disabled: true },
          },
        },
      ],
      more: [],
      too_young: { resources: 0, clients: 1, delegations: 0 },
    });
    const bySubject = Object.fromEntries(
      (advice?.client_scopes ?? []).map((one) => [
        `${String(one['client_id'])} ${String(one['resource'])}`,
        one,
      ]),
    );
    expect(bySubject).toMatchObject({
      [`${zone.clientId} ${zone.resource}`]: {
        used_scopes: ['shared'],
        unused_scopes: ['a:read', 'a:write'],
        uses: 2,
      },
      [`${zone.clientId} ${zone.otherResource}`]: { unused_scopes: ['b:read'], uses: 1 },
      [`${other.clientId} ${zone.resource}`]: { unused_scopes: ['a:write', 'shared'], uses: 1 },
    });
    const wide = advice?.wide_clients.find((one) => one['client_id'] === zone.clientId);
    expect(wide).toMatchObject({
      request: {
        body: { scopes: ['shared'], audience: [zone.resource, zone.otherResource] },
      },
    });

    // What is advised is tried, put together and activated by the routes that there are.
    const { policy } = advice ?? {};
    expect(policy).toMatchObject({ statements: 5, replay: null });
    const at = `/zones/${zone.zoneId}`;
    const replay = await callAdmin(replica, 'POST', `${at}/policy-replays`, {
      ...policy?.candidate,
      days: 30,
    });
    expect(replay.status).toBe(201);
    const tried = async () => (await show(zone, analysis.id)).advice?.policy?.replay;
    await expect.poll(tried).toMatchObject({ decisions: 4, changed: 0, unknown: 0 });
    const { name, content } = policy ?? {};
    const written = await zone.admin('POST', '/policies', { name, content });
    const { policy_version_ids: [active] = [] } = (policy?.candidate ?? {}) as {
      policy_version_ids?: string[];
    };
    const set = await zone.admin('POST', '/policy-sets', { name: 'narrower' });
    const version = await zone.admin('POST', `/policy-sets/${String(set['id'])}/versions`, {
      policy_version_ids: [active, (written['version'] as { id: string }).id],
    });
    expect(version['manifest_sha256']).toBe(policy?.manifest_sha256);
    await zone.admin('PATCH', '', { policy_max_changes: 0 });
    expect((await activate(replica, zone.zoneId, String(version['id']))).status).toBe(200);

    // What was used goes on, and nothing else does.
    expect((await zone.session(resources)).status).toBe(200);
    expect((await zone.session({ scope: 'a:read' })).status).toBe(403);
    expect((await zone.session({ ...theirs, scope: 'a:read' })).status).toBe(200);
    expect((await zone.session({ ...theirs, scope: 'a:write' })).status).toBe(403);
    expect((await zone.session({ resource: 'resource://old', scope: 'x' })).status).toBe(403);
    // It is advised by what was active, and another one says nothing twice.
    expect((await show(zone, analysis.id)).advice?.policy).toBeNull();
    expect((await advised(zone)).policy).toBeNull();
  });

  test('takes what was denied for no use, unless it would not be denied any more', async () => {
    const zone = await oldZone();
    await zone.activate(DENY_ALL);
    expect((await zone.session({ scope: 'a:read' })).status).toBe(403);
    const denied = await advised(zone);
    expect(denied.resources.map(({ resource }) => resource)).toEqual([
      zone.resource,
      zone.otherResource,
    ]);
    expect(denied.clients).toMatchObject([{ client_id: zone.clientId }]);
    await zone.activate(PERMIT_ALL);
    const permitted = await advised(zone);
    expect(permitted.resources).toMatchObject([{ resource: zone.otherResource }]);
    expect(permitted.clients).toEqual([]);
    expect(permitted.scopes).toMatchObject([{ used_scopes: ['a:read'] }]);
  });

  test('says nothing of a client of what policy does not let it have', async () => {
    const zone = await oldZone();
    const other = await zone.newClient();
    await age(zone);
    await zone.activate(
      `@id("reads") permit (principal, action == Action::"TokenExchange", resource) when { ["a:read", "shared"].containsAll(context.requested_scopes) };`,
    );
    expect((await zone.session({ scope: 'a:read' })).status).toBe(200);
    const { client_scopes: found } = await advised(zone);
    expect(found).toMatchObject([{ client_id: zone.clientId, unused_scopes: ['shared'] }]);
    expect(found).not.toContainEqual(expect.objectContaining({ client_id: other.clientId }));
  });

  test('says nothing of what is younger than the period, or was changed in it', async () => {
    const zone = await createTestZone(replica);
    await zone.session();
    const { too_young, policy, ...found } = await advised(zone);
    expect(found).toEqual({
      resources: [],
      scopes: [],
      clients: [],
      client_scopes: [],
      wide_clients: [],
      delegations: [],
      more: [],
    });
    expect(too_young).toEqual({ resources: 2, clients: 1, delegations: 0 });
    expect(policy).toBeNull();
    await age(zone);
    const { items } = await zone.admin('GET', '/resources');
    const [first] = items as { id: string }[];
    await zone.admin('PATCH', `/resources/${String(first?.id)}`, { description: 'new' });
    expect((await advised(zone)).too_young).toEqual({ resources: 1, clients: 0, delegations: 0 });
  });

  test('begins where the log does, and says so', async () => {
    const zone = await oldZone();
    await rows(
      replica.databaseUrl,
      `INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
       VALUES ($1, new_uuid_v7(), 1, 1, (now() AT TIME ZONE 'UTC')::date - 3, '', '')`,
      [zone.zoneId],
    );
    const { from, log_complete_since: since } = await over(zone, await start(zone));
    const day = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
    expect([from, day]).toContain(from);
    expect(from).toMatch(/T00:00:00\.000Z$/);
    const { created_at: made } = await zone.admin('GET', '');
    expect(Date.parse(since)).toBe(Date.parse(String(made)));
  });

  test('advises nothing where it does not know', async () => {
    const zone = await oldZone();
    const known = await newAnalysis(zone);
    const finish = (more: string) =>
      rowsIn(
        zone,
        `UPDATE access_analyses SET state = 'done', finished_at = now(), ${more} WHERE id = $1`,
        [known],
      );
    await finish(`cursor_id = NULL`);
    expect((await show(zone, known)).advice?.clients).toHaveLength(1);
    await finish(`progress = progress || '{"inputUnknown": 1}'`);
    expect(await show(zone, known)).toMatchObject({ complete: true, advice: null });
    await finish(
      `progress = progress || '{"inputUnknown": 0}', from_at = to_at - interval '23 hours'`,
    );
    expect(await show(zone, known)).toMatchObject({ complete: true, advice: null });
  });

  test('shows no more than there is room for, and says of what', async () => {
    const zone = await oldZone();
    await rows(
      replica.databaseUrl,
      `INSERT INTO clients (zone_id, id, name, auth_methods, created_at)
       SELECT $1, new_uuid_v7(), 'idle ' || n, '{client_secret_basic}', now() - interval '40 days' FROM generate_series(1, 250) n`,
      [zone.zoneId],
    );
    // Each is as large as a resource can be.
    await rows(
      replica.databaseUrl,
      `INSERT INTO resources (zone_id, id, identifier, scopes, created_at)
       SELECT $1, new_uuid_v7(), 'urn:large:' || n, ARRAY(SELECT rpad('scope' || s, 200, 'x') FROM generate_series(1, 200) s),
              now() - interval '40 days' FROM generate_series(1, 40) n`,
      [zone.zoneId],
    );
    const { clients, resources, more } = await advised(zone);
    expect(clients).toHaveLength(200);
    expect(clients[0]).toEqual({
      client_id: expect.any(String) as string,
      client: expect.any(String) as string,
      created_at: expect.any(String) as string,
      request: expect.any(Object) as object,
    });
    expect(resources.length).toBeGreaterThan(20);
    expect(JSON.stringify(resources).length).toBeLessThan(1_100_000);
    expect(more).toEqual(['resources', 'clients']);
  });

  test('begins after what of the log has gone while it was at it', async () => {
    const zone = await oldZone();
    const id = await newAnalysis(zone);
    await rows(
      replica.databaseUrl,
      `INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
       VALUES ($1, new_uuid_v7(), 1, 1, (now() AT TIME ZONE 'UTC')::date - 3, '', '')`,
      [zone.zoneId],
    );
    await rowsIn(
      zone,
      `UPDATE access_analyses SET from_at = now() - interval '30 days', leased_until = now() - interval '1 second' WHERE id = $1`,
      [id],
    );
    await expect.poll(async () => (await show(zone, id)).state).toBe('done');
    const { from } = await show(zone, id);
    expect(from).toMatch(/T00:00:00\.000Z$/);
    expect(Date.now() - Date.parse(from)).toBeLessThan(4 * 86_400_000);
  });

  test('is forgotten in pieces that are no longer than a statement may be', async () => {
    const zone = await createTestZone(replica);
    const id = await newAnalysis(zone);
    const some = { days: 30, kept: 10, most: 10 };
    // In a transaction that is taken back, so that no server forgets it meanwhile.
    const database = await databaseOf(replica.databaseUrl, zone.zoneId);
    const found = await withClient(database, async (client) => {
      const query = async (sql: string, values?: unknown[]) =>
        (await client.query(sql, values)).rows;
      const db = { query } as unknown as Parameters<typeof forgetAnalysis>[0];
      const left = () =>
        query(
          `SELECT (SELECT count(*) FROM access_uses WHERE analysis_id = $1)::int AS uses,
                  (SELECT count(*) FROM access_analyses WHERE id = $1)::int AS analyses`,
          [id],
        );
      await query('BEGIN');
      await query(
        `INSERT INTO access_uses (zone_id, analysis_id, used_by, user_id, what, resource, scope, count)
         SELECT $1, $2, 'client', new_uuid_v7(), '', 'urn:a', '', 1 FROM generate_series(1, 25)`,
        [zone.zoneId, id],
      );
      // Older than all others in the database, so that it goes first.
      await query(
        `UPDATE access_analyses SET state = 'done', finished_at = '2001-01-01' WHERE id = $1`,
        [id],
      );
      const after = [];
      for (let piece = 0; piece < 3; piece += 1) {
        after.push([await forgetAnalysis(db, some), ...(await left())]);
      }
      await query('ROLLBACK');
      return after;
    });
    expect(found).toEqual([
      [true, { uses: 15, analyses: 1 }],
      [true, { uses: 5, analyses: 1 }],
      [true, { uses: 0, analyses: 0 }],
    ]);
  });

  test('counts what a delegation and those above it were used for', async () => {
    const zone = await createTestZone(replica);
    const app = await applicationOf(zone);
    const [source, target, third] = [await app.open(), await app.open(), await app.open()];
    const first = await app.delegate(source, target);
    await app.accept(first);
    const further = await app.delegate(target, third);
    await app.accept(further);
    const idle = await app.delegate(source, third);
    await app.accept(idle);
    await rows(
      replica.databaseUrl,
      `UPDATE delegation_edges SET accepted_at = now() - interval '13 hours' WHERE zone_id = $1`,
      [zone.zoneId],
    );
    const fresh = await app.delegate(source, third);
    await app.accept(fresh);
    const used = await app.exchange({ agent_session_id: third, delegation_edge_id: further });
    expect(used.status, JSON.stringify(used.body)).toBe(200);
    const { delegations, too_young } = await advised(zone, { days: 1 });
    expect(too_young).toMatchObject({ delegations: 1 });
    const found = Object.fromEntries(delegations.map((one) => [one['delegation_edge_id'], one]));
    expect(found).toMatchObject({
      [idle]: {
        uses: 0,
        last_used_at: null,
        unused_scopes: ['shared'],
        request: { method: 'DELETE', path: `/internal/zones/${zone.zoneId}/delegations/${idle}` },
      },
      // They are for both resources, and were used for one.
      [first]: {
        uses: 1,
        unused_scopes: [],
        unused_resources: [zone.otherResource],
        request: null,
      },
      [further]: {
        uses: 1,
        unused_scopes: [],
        unused_resources: [zone.otherResource],
        request: null,
      },
    });
  });

  test('goes on after the process that was at it', async () => {
    const zone = await oldZone();
    await zone.session();
    const id = await newAnalysis(zone);
    await rowsIn(
      zone,
      `UPDATE access_analyses SET leased_until = now() - interval '1 second', to_at = now() + interval '1 second' WHERE id = $1`,
      [id],
    );
    await expect.poll(async () => (await show(zone, id)).state).toBe('done');
    expect((await show(zone, id)).progress).toMatchObject({ requests: 1, uses: 1 });
  });

  test('is one at a time in a zone, and can be cancelled', async () => {
    const zone = await createTestZone(replica);
    const id = await newAnalysis(zone);
    expect((await start(zone)).status).toBe(409);
    const cancelled = await callAdmin(replica, 'POST', path(zone, `/${id}/cancel`));
    expect(cancelled.body).toMatchObject({ id, state: 'cancelled', complete: false });
    expect((await show(zone, id)).advice).toBeNull();
    expect((await callAdmin(replica, 'POST', path(zone, `/${id}/cancel`))).status).toBe(409);
    const answers = await Promise.all(Array.from({ length: 10 }, () => start(zone)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
    expect(statuses).toContain(201);
    expect((await callAdmin(replica, 'GET', path(zone, '?state=cancelled'))).body).toMatchObject({
      items: [{ id }],
    });
  });

  test('is refused for what is no number of days, and sees nothing of other zones', async () => {
    const [zone, other] = [await createTestZone(replica), await createTestZone(replica)];
    const refused = [0, -1, 91, 366, 1.5, 'abc', '30', null, [30]];
    const answers = await Promise.all(refused.map((days) => start(zone, { days })));
    expect(answers.map(({ status }) => status)).toEqual(refused.map(() => 400));
    const id = await newAnalysis(zone);
    for (const [method, below] of [
      ['GET', `/${id}`],
      ['POST', `/${id}/cancel`],
      ['GET', '/none'],
    ] as const) {
      expect((await callAdmin(replica, method, path(other, below))).status).toBe(404);
    }
    await callAdmin(replica, 'POST', path(zone, `/${id}/cancel`));
  });
});
