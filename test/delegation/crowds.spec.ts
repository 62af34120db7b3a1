import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import {
  auditOf,
  borrowReplica,
  type Replica,
  rows,
  startReplica,
  withClient,
} from '../setup/harness.js';
import { whileOpen } from '../setup/locks.js';
import { until } from '../setup/process.js';
import { databaseOf, sharedConnections } from '../setup/zone-database.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { createZonesBeside } from '../setup/zones-beside.js';

const TASK = { lifecycle: 'task' };

let replica: Replica;
let zone: TestZone;
let app: TestApplication;
let neighbour: TestApplication;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  app = await applicationOf(zone, zone);
  const elsewhere = await createTestZone(replica);
  neighbour = await applicationOf(elsewhere, elsewhere);
});
afterAll(async () => {
  await replica?.stop();
});

function open(application: TestApplication, token: string): Promise<Answer> {
  return application.call('POST', '/agent-sessions', TASK, { token });
}

/** Runs something while nobody else can change the graph of a zone. */
function whileGraphIsLocked<T>(
  { zoneId }: TestZone,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const lock = 'SELECT 1 FROM delegation_graphs WHERE zone_id = $1 FOR UPDATE';
  return whileOpen(replica.databaseUrl, [lock, [zoneId]], run);
}

/** Runs something while somebody else has the turn in a zone, and commits what it did. */
function whileTurnIsTaken<T>(
  { zoneId }: TestZone,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const lock = `SELECT pg_advisory_xact_lock(hashtextextended('turn in zone ' || $1, 0))`;
  return whileOpen(replica.databaseUrl, [lock, [zoneId]], async (client) => {
    const result = await run(client);
    await client.query('COMMIT');
    return result;
  });
}

/** Adds a delegation between two sessions of their own that is like another one. */
const ADD_EDGE = `
  INSERT INTO delegation_edges
  SELECT (jsonb_populate_record(e, jsonb_build_object('id', $3::uuid, 'source_id', $4::uuid, 'target_id', $5::uuid,
            'edge_path', ARRAY[$3::uuid], 'path', ARRAY[$4::uuid, $5::uuid], 'sessions', ARRAY[$4::uuid, $5::uuid]))).*
    FROM delegation_edges e WHERE e.zone_id = $1 AND e.id = $2`;

/** How many of the replica's connections wait for a lock where a zone is, by what they are called. */
async function waitingIn({ zoneId }: TestZone): Promise<{ shared: number; operators: number }> {
  const found = await rows<{ name: string; count: number }>(
    await databaseOf(replica.databaseUrl, zoneId),
    `SELECT application_name AS name, count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' GROUP BY 1`,
  );
  const count = (name: string) => found.find((row) => row.name === name)?.count ?? 0;
  return { shared: count(''), operators: count('mandate operators') };
}

describe('a crowd at the graph of one zone', () => {
  test('waits on one connection, and leaves the others to other zones', async () => {
    await app.open();
    const [token, other] = [await app.bearer(), await neighbour.bearer()];
    const crowd = await whileGraphIsLocked(zone, async () => {
      const asked = Array.from({ length: 20 }, () => open(app, token));
      await until(async () => (await waitingIn(zone)).shared > 0);
      const answers = [await open(neighbour, other), await open(neighbour, other)];
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      expect((await waitingIn(zone)).shared).toBeLessThanOrEqual(1);
      return asked;
    });
    for (const { status } of await Promise.all(crowd)) expect([201, 503]).toContain(status);
  });

  test('does not keep out the operator who disables that very client', async () => {
    const { clientId, secret } = await zone.newClient();
    const busy = await applicationOf(zone, { clientId, secret });
    const token = await busy.bearer();
    const statuses = new Set<number>();
    const asking = Array.from({ length: 10 }, async () => {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop
        const { status } = await open(busy, token);
        statuses.add(status);
        if (status === 401) return;
      }
    });
    await until(async () => statuses.has(201));
    const path = `/zones/${zone.zoneId}/clients/${clientId}`;
    const disabled = await callAdmin(replica, 'PATCH', path, { disabled: true });
    expect(disabled).toMatchObject({ status: 200, body: { disabled: true } });
    await Promise.all(asking);
    expect(statuses).toEqual(new Set([201, 401]));
  });
});

describe('a change that has its turn in a zone', () => {
  test('loads no zone meanwhile, though that has changed since the bearer was verified', async () => {
    const token = await app.bearer();
    const home = await databaseOf(replica.databaseUrl, zone.zoneId);
    const answering = await withClient(home, async (loads) => {
      await loads.query('BEGIN');
      // Every load of a zone reads it, and no change to the graph does.
      await loads.query('LOCK TABLE step_up_types IN ACCESS EXCLUSIVE MODE');
      const asked = await whileTurnIsTaken(zone, async (client) => {
        const opening = open(app, token);
        await until(async () => (await waitingIn(zone)).shared > 0);
        await client.query('UPDATE zones SET name = name WHERE id = $1', [zone.zoneId]);
        return [opening];
      });
      const answers = await Promise.all(asked);
      await loads.query('ROLLBACK');
      return answers;
    });
    expect(answering.map(({ status }) => status)).toEqual([201]);
  });

  test.each([
    ['compromised', 'UPDATE signing_keys SET compromised_at = now() WHERE zone_id = $1'],
    ['gone', `UPDATE signing_keys SET expires_at = now() - interval '1 second' WHERE zone_id = $1`],
  ])('refuses a bearer whose key has been %s since it was verified', async (_what, change) => {
    const other = await createTestZone(replica);
    const application = await applicationOf(other, other);
    const token = await application.bearer();
    const [refused] = await Promise.all(
      await whileTurnIsTaken(other, async (client) => {
        const opening = open(application, token);
        await until(async () => (await waitingIn(other)).shared > 0);
        await client.query(change, [other.zoneId]);
        return [opening];
      }),
    );
    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    expect(await auditOf(replica.databaseUrl, refused?.requestId ?? '')).toMatchObject([
      { outcome: 'denied', event: { reason: 'bearer: the key or the zone is gone' } },
    ]);
  });

  test('gives no label that operators have given to another client since the bearer was verified', async () => {
    const token = await app.bearer();
    const other = await zone.newClient();
    const label = `label-${randomUUID()}`;
    const [refused] = await Promise.all(
      await whileTurnIsTaken(zone, async (client) => {
        const opening = app.call(
          'POST',
          '/agent-sessions',
          { lifecycle: 'task', labels: [label] },
          { token },
        );
        await until(async () => (await waitingIn(zone)).shared > 0);
        await client.query('UPDATE clients SET labels = $2 WHERE id = $1', [
          other.clientId,
          [label],
        ]);
        return [opening];
      }),
    );
    expect(refused).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'a label is one of other clients' },
    });
  });

  test('looks at the graph only when no process of the version before changes it', async () => {
    const [a, b, c] = [await app.open(), await app.open(), await app.open()];
    const like = await app.delegate(a, c);
    const token = await app.bearer();
    // As a process does that knows of no turns: it locks the graph, checks, adds a delegation from a to b, commits.
    const refused = await whileGraphIsLocked(zone, async (client) => {
      const delegating = app.call(
        'POST',
        '/delegations',
        { source_session_id: b, target_session_id: a, scopes: ['shared'] },
        { token },
      );
      await until(async () => (await waitingIn(zone)).shared > 0);
      await client.query(ADD_EDGE, [zone.zoneId, like, randomUUID(), a, b]);
      await client.query('COMMIT');
      return delegating;
    });
    expect(refused).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_grant',
        error_description: 'the delegation would go in a circle',
      },
    });
  });
});

test('operators get through while every connection that requests share is held up', async () => {
  const zones = await createZonesBeside(zone, 3);
  const apps = await Promise.all(zones.map((each) => applicationOf(each, each)));
  const agents = await Promise.all(apps.map((each) => each.open()));
  const tokens = await Promise.all(apps.map((each) => each.bearer()));
  await withClient(await databaseOf(replica.databaseUrl, zone.zoneId), async (client) => {
    await client.query('BEGIN');
    await client.query('LOCK TABLE agent_sessions IN ACCESS EXCLUSIVE MODE');
    const released = new AbortController();
    const asking = apps.flatMap((each, at) =>
      Array.from({ length: 8 }, async () => {
        while (!released.signal.aborted) {
          // oxlint-disable-next-line no-await-in-loop
          await Promise.all([
            each.call('GET', `/agent-sessions/${agents[at]}`, undefined, {
              token: tokens[at] ?? null,
            }),
            each.exchange({ subject_token: tokens[at], agent_session_id: agents[at] }),
          ]);
        }
      }),
    );
    await until(async () => (await waitingIn(zone)).shared === sharedConnections());
    const name = `client ${randomUUID()}`;
    const path = `/zones/${zone.zoneId}/clients`;
    expect(await callAdmin(replica, 'POST', path, { name })).toMatchObject({ status: 201 });
    expect((await callAdmin(replica, 'GET', path)).status).toBe(200);
    released.abort();
    await client.query('ROLLBACK');
    await Promise.all(asking);
  });
});

describe('agent sessions of one client', () => {
  /** Opens agent sessions behind the server's back, as many as a client may have alive, less a few. */
  async function fill(parent: string, less: number): Promise<void> {
    await withClient(await databaseOf(replica.databaseUrl, zone.zoneId), async (connection) => {
      // The epoch of the graph need not count them.
      await connection.query('SET session_replication_role = replica');
      await connection.query(
        `INSERT INTO agent_sessions (zone_id, id, client_id, session_id, root_session_id, parent_id, path, depth,
                                     lifecycle, expires_at)
         SELECT a.zone_id, n.id, a.client_id, a.session_id, a.root_session_id, a.id, ARRAY[a.id, n.id], 1,
                'task', clock_timestamp() + interval '1 hour'
           FROM agent_sessions a, (SELECT gen_random_uuid() AS id FROM generate_series(1, $2)) AS n WHERE a.id = $1`,
        [parent, 2_000 - less - 1],
      );
    });
  }

  test('are limited, and those that have ended do not count', async () => {
    const crowded = await applicationOf(zone);
    const parent = await crowded.open();
    await fill(parent, 1);
    const token = await crowded.bearer();
    const last = await open(crowded, token);
    expect(last.status).toBe(201);
    const refused = await open(crowded, token);
    expect(refused).toMatchObject({
      status: 429,
      body: {
        error: 'slow_down',
        error_description: 'a client has 2000 agent sessions alive at most',
      },
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
    expect((await open(app, await app.bearer())).status).toBe(201);
    const ended = await crowded.call('DELETE', `/agent-sessions/${parent}`, undefined, { token });
    expect(ended.status).toBe(204);
    expect((await open(crowded, token)).status).toBe(201);
  });

  test('do not count when an operator has ended the session that they were opened in', async () => {
    const crowded = await applicationOf(zone);
    const answer = await crowded.call('POST', '/agent-sessions', TASK);
    await fill(String(answer.body['id']), 0);
    const token = await crowded.bearer();
    expect((await open(crowded, token)).status).toBe(429);
    await zone.admin('DELETE', `/sessions/${String(answer.body['session_id'])}`);
    expect((await open(crowded, token)).status).toBe(201);
  });
});

describe('requests of agents', () => {
  test('count against the limits of their client, and are told when to come back', async () => {
    const limited = await startReplica({
      databaseUrl: replica.databaseUrl,
      env: { RATE_LIMIT_CLIENT: '2/10', RATE_LIMIT_ZONE: '1000/1000' },
    });
    try {
      const token = await app.bearer();
      const id = await app.open();
      const ask = () =>
        Promise.all([
          app.call('GET', `/agent-sessions/${id}`, undefined, { token, url: limited.url }),
          app.call('GET', `/delegations/${id}`, undefined, { token, url: limited.url }),
          app.call('GET', `/agent-sessions`, undefined, { token, url: limited.url }),
        ]);
      const slowed = await until(async () => (await ask()).find(({ status }) => status === 429));
      expect(slowed.body).toMatchObject({ error: 'slow_down' });
      expect(Number(slowed.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(await auditOf(replica.databaseUrl, slowed.requestId)).toEqual([]);
      const other = await applicationOf(zone);
      const here = { token: await other.bearer(), url: limited.url };
      expect((await other.call('POST', '/agent-sessions', TASK, here)).status).toBe(201);
    } finally {
      await limited.stop();
    }
  });
});
