import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { auditOf, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

/** More than is removed at once, and several steps' worth. */
const MANY = 2_300;

let replicas: [Replica, Replica];
let zone: TestZone;
let database: string;

beforeAll(async () => {
  const first = await startReplica();
  database = first.databaseUrl;
  replicas = [first, await startReplica({ databaseUrl: database })];
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
});
beforeEach(async () => {
  zone = await createTestZone(replicas[0]);
});

/** Sessions of a client, and of an issuer if one is given. */
async function manySessions(clientId: string, issuer: string | null = null): Promise<void> {
  await rows(
    database,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', $3, clock_timestamp() + interval '1 hour'
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $4)) AS n`,
    [zone.zoneId, clientId, issuer, MANY],
  );
}

/** How many rows a table has of a zone, or those of them that are so. */
async function count(table: string, condition = 'true', zoneId = zone.zoneId): Promise<number> {
  const [row] = await rows<{ count: number }>(
    database,
    `SELECT count(*)::int AS count FROM ${table} WHERE zone_id = $1 AND ${condition}`,
    [zoneId],
  );
  return row?.count ?? Number.NaN;
}

/** Locks one row, the last that a removal comes to, so that it stops there until it is let go. */
async function holdOne(
  table: string,
  last: 'oldest' | 'newest' = 'oldest',
): Promise<{ letGo: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: await databaseOf(database, zone.zoneId) });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN');
  const { rowCount } = await client.query(
    `SELECT 1 FROM ${table} WHERE zone_id = $1 ORDER BY id ${last === 'newest' ? 'DESC' : 'ASC'} LIMIT 1 FOR UPDATE`,
    [zone.zoneId],
  );
  expect(rowCount).toBe(1);
  return { letGo: () => client.end() };
}

const remove = (path: string, at = replicas[0]): Promise<Answer> =>
  callAdmin(at, 'DELETE', `/zones/${zone.zoneId}${path}`);
const show = (path: string, at = replicas[0]): Promise<Answer> =>
  callAdmin(at, 'GET', `/zones/${zone.zoneId}${path}`);

describe('a client with more sessions than can be removed at once', () => {
  test('is refused from the moment at which it is deleted, and so is all that hangs on it', async () => {
    const doomed = await applicationOf(zone, await zone.newClient({ name: 'doomed' }));
    const other = await applicationOf(zone);
    const token = await doomed.bearer();
    const source = await doomed.open();
    const target = await other.open();
    const edge = await doomed.delegate(source, target);
    await other.accept(edge);
    const delegated = { agent_session_id: target, delegation_edge_id: edge };
    expect((await other.exchange(delegated)).status).toBe(200);
    await manySessions(doomed.clientId);
    const held = await holdOne('sessions');
    try {
      const deleted = await remove(`/clients/${doomed.clientId}`);
      expect(deleted).toMatchObject({
        status: 202,
        body: { id: doomed.clientId, removing: { since: expect.any(String) } },
      });
      const again = await doomed.exchange({ subject_token: token });
      expect(again).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
      const opened = doomed.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token });
      expect((await opened).status).toBe(401);
      expect(await other.exchange(delegated)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      for (const at of replicas) {
        // oxlint-disable-next-line no-await-in-loop
        expect(
          (await doomed.call('GET', `/agent-sessions/${source}`, undefined, { token, url: at.url }))
            .status,
        ).toBe(401);
      }
      // The ledger by itself, whatever a replica may think.
      const [row] = await rows<{ alive: boolean[] }>(
        database,
        `SELECT ARRAY[ledger_fact_holds($1, jsonb_build_object('kind', 'session_live', 'id', s.id)),
                      agent_session_live($1, $3), delegation_live($1, $4, NULL)] AS alive
           FROM sessions s WHERE s.zone_id = $1 AND s.client_id = $2 LIMIT 1`,
        [zone.zoneId, doomed.clientId, source, edge],
      );
      expect(row?.alive).toEqual([false, false, false]);
      expect(await auditOf(database, deleted.requestId)).toMatchObject([
        {
          zone_id: zone.zoneId,
          event: {
            type: 'admin.client.deleted',
            client: { id: doomed.clientId, name: 'doomed' },
            removing: true,
          },
        },
      ]);
    } finally {
      await held.letGo();
    }
  });

  test('is gone for all changes, its name is free, and operators see how far it is', async () => {
    const { clientId } = await zone.newClient({ name: 'doomed', labels: ['night'] });
    await manySessions(clientId);
    const held = await holdOne('sessions');
    try {
      const path = `/clients/${clientId}`;
      expect((await remove(path)).status).toBe(202);
      for (const [method, at, body] of [
        ['PATCH', path, { disabled: false }],
        ['POST', `${path}/secrets`, {}],
        ['GET', `${path}/secrets`, undefined],
      ] as const) {
        // oxlint-disable-next-line no-await-in-loop
        const { status } = await callAdmin(replicas[1], method, `/zones/${zone.zoneId}${at}`, body);
        expect([method, at, status]).toEqual([method, at, 404]);
      }
      const owned = { identifier: 'resource://late', scopes: [], owner_client_id: clientId };
      const late = await callAdmin(replicas[1], 'POST', `/zones/${zone.zoneId}/resources`, owned);
      expect(late.status).toBe(409);
      await zone.newClient({ name: 'doomed', labels: ['night'] });
      const seen = await until(async () => {
        const { body } = await show(path, replicas[1]);
        const { removed, remaining } = body['removing'] as { removed: number; remaining: number };
        return removed > 0 && { removed, remaining };
      });
      expect(seen.removed + seen.remaining).toBe(MANY + 1);
      // Asked again it says the same, and nothing is done or recorded twice.
      const again = await remove(path, replicas[1]);
      expect(again.status).toBe(202);
      expect(await auditOf(database, again.requestId)).toEqual([]);
    } finally {
      await held.letGo();
    }
    await until(async () => (await show(`/clients/${clientId}`)).status === 404);
    expect(await count('sessions', `client_id = '${clientId}'`)).toBe(0);
    expect(await count('client_secrets', `client_id = '${clientId}'`)).toBe(0);
    expect(await count('removals')).toBe(0);
  });

  test('is not deleted while it owns a resource', async () => {
    const owned = { identifier: 'resource://owned', scopes: [], owner_client_id: zone.clientId };
    await zone.admin('POST', '/resources', owned);
    await manySessions(zone.clientId);
    expect((await remove(`/clients/${zone.clientId}`)).status).toBe(409);
    expect((await zone.session()).status).toBe(200);
  });

  test('is removed by one replica at a time, and by the other one when that ends halfway', async () => {
    const { clientId } = await zone.newClient();
    await manySessions(clientId);
    const held = await holdOne('sessions');
    let letGo = false;
    try {
      expect((await remove(`/clients/${clientId}`)).status).toBe(202);
      await until(async () => (await count('removals', 'removed > 0')) === 1);
      const atWork = await rows<{ pid: number }>(
        database,
        `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE l.locktype = 'advisory' AND a.application_name = 'mandate removals' AND l.granted`,
      );
      expect(atWork.length).toBeLessThanOrEqual(1);
      const before = await count('sessions', `client_id = '${clientId}'`);
      // One after the other is killed: what either has done stays done.
      for (const at of [0, 1] as const) {
        // oxlint-disable-next-line no-await-in-loop
        await replicas[at].stop('SIGKILL');
        // oxlint-disable-next-line no-await-in-loop
        replicas[at] = await startReplica({ databaseUrl: database });
      }
      await held.letGo();
      letGo = true;
      await until(async () => (await count('clients', `id = '${clientId}'`)) === 0);
      expect(before).toBeLessThan(MANY);
      expect(await count('sessions', `client_id = '${clientId}'`)).toBe(0);
    } finally {
      if (!letGo) await held.letGo();
    }
  });
});

describe('an issuer with more sessions than can be ended at once', () => {
  const issuer = 'https://issuer.example';

  test('ends all of them with itself, also for an issuer of that name that is trusted later', async () => {
    const registration = {
      issuer,
      jwks: {
        keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }],
      },
      audiences: ['https://mandate.example'],
      algorithms: ['EdDSA'],
      token_types: ['jwt'],
    };
    const { id } = await zone.admin('POST', '/issuers', registration);
    await manySessions(zone.clientId, issuer);
    const live = (sessionId: string) =>
      rows<{ live: boolean }>(
        database,
        `SELECT ledger_fact_holds($1, jsonb_build_object('kind', 'session_live', 'id', $2::text)) AS live`,
        [zone.zoneId, sessionId],
      ).then(([row]) => row?.live);
    const [one] = await rows<{ id: string }>(
      database,
      'SELECT id FROM sessions WHERE zone_id = $1 AND issuer = $2 ORDER BY id DESC LIMIT 1',
      [zone.zoneId, issuer],
    );
    expect(await live(String(one?.id))).toBe(true);
    const held = await holdOne('sessions', 'newest');
    try {
      const deleted = await remove(`/issuers/${String(id)}`);
      expect(deleted.status).toBe(202);
      expect(await live(String(one?.id))).toBe(false);
      expect(await auditOf(database, deleted.requestId)).toMatchObject([
        { event: { type: 'admin.issuer.deleted', issuer: { issuer }, removing: true } },
      ]);
      await zone.admin('POST', '/issuers', registration);
      expect(await live(String(one?.id))).toBe(false);
      await manySessions(zone.clientId, issuer);
      await until(async () => (await count('sessions', 'ended_at IS NOT NULL')) > 0);
      const shown = await show(`/issuers/${String(id)}`, replicas[1]);
      expect(shown).toMatchObject({ status: 200, body: { issuer, removing: {} } });
    } finally {
      await held.letGo();
    }
    await until(async () => (await count('removals')) === 0);
    expect(await count('sessions', `issuer = '${issuer}' AND ended_at IS NOT NULL`)).toBe(MANY);
    expect(await count('sessions', `issuer = '${issuer}' AND ended_at IS NULL`)).toBe(MANY);
    // Each session that ends queues an event until the commit, which closes the gate of the zone: so not too many at once.
    const sessions = await tableOf(database, zone.zoneId, 'sessions');
    const [steps] = await rows<{ steps: number; most: number }>(
      await databaseOf(database, zone.zoneId),
      `SELECT count(*)::int AS steps, max(ended)::int AS most FROM (
         SELECT count(*) AS ended FROM ${sessions} WHERE zone_id = $1 AND ended_at IS NOT NULL GROUP BY xmin::text) AS s`,
      [zone.zoneId],
    );
    expect(steps?.steps).toBeGreaterThan(2);
    expect(steps?.most).toBeLessThanOrEqual(1_000);
    expect((await show(`/issuers/${String(id)}`)).status).toBe(404);
  });
});

describe('a zone with more in it than can be removed at once', () => {
  test('is none from the moment at which it is deleted, and then nothing is left of it', async () => {
    const app = await applicationOf(zone, zone);
    const token = tokenOf(await zone.session());
    const agent = await app.open();
    const owned = { identifier: 'resource://owned', scopes: [], owner_client_id: zone.clientId };
    await zone.admin('POST', '/resources', owned);
    await manySessions(zone.clientId);
    const { name } = (await show('')).body;
    const keySet = `${replicas[1].url}/.well-known/jwks.json?zone_id=${zone.zoneId}`;
    expect((await fetch(keySet)).status).toBe(200);
    const held = await holdOne('sessions');
    try {
      const deleted = await remove('');
      expect(deleted).toMatchObject({ status: 202, body: { id: zone.zoneId } });
      for (const { url } of replicas) {
        // oxlint-disable-next-line no-await-in-loop
        expect((await zone.session()).body['error']).toBe('invalid_client');
        // oxlint-disable-next-line no-await-in-loop
        expect(
          (await app.call('GET', `/agent-sessions/${agent}`, undefined, { token, url })).status,
        ).toBe(401);
      }
      await expect.poll(async () => (await fetch(keySet)).status).toBe(404);
      expect((await show('/clients')).status).toBe(404);
      const late = { name: 'late' };
      const path = `/zones/${zone.zoneId}/clients`;
      expect((await callAdmin(replicas[1], 'POST', path, late)).status).toBe(404);
      expect((await callAdmin(replicas[1], 'POST', '/zones', { name })).status).toBe(201);
      const seen = await until(async () => {
        const { body } = await show('', replicas[1]);
        const { removed } = body['removing'] as { removed: number };
        return removed > 0 && body;
      });
      expect(seen).toMatchObject({
        id: zone.zoneId,
        name: `${String(name)} (removed ${zone.zoneId})`,
        removing: { since: expect.any(String), remaining: expect.any(Number) },
      });
      expect(await auditOf(database, deleted.requestId)).toMatchObject([
        { zone_id: zone.zoneId, event: { type: 'admin.zone.deleted', removing: true } },
      ]);
      const again = await remove('', replicas[1]);
      expect(again.status).toBe(202);
    } finally {
      await held.letGo();
    }
    await until(async () => (await show('')).status === 404);
    // The audit log stays, and what proves it, if a checkpoint was made by now.
    const tables = await rows<{ name: string }>(
      database,
      `SELECT c.table_name AS name FROM information_schema.columns c JOIN pg_class t ON t.relname = c.table_name
        WHERE c.table_schema = 'public' AND c.column_name = 'zone_id' AND NOT t.relispartition
          AND c.table_name !~ '^(audit_|evidence_|zone_checkpoints$)'`,
    );
    expect(tables.length).toBeGreaterThan(20);
    const left = await Promise.all(
      tables.map(async (table) => [table.name, await count(table.name)]),
    );
    // The feed says of the zone that it is dead, for as long as mandates of it may be out.
    const told = left.filter(([table]) => table !== 'revocation_feed');
    expect(told.filter(([, rowsLeft]) => rowsLeft !== 0)).toEqual([]);
  });
});

/** A zone that is where another one is, so that they are looked up together. */
async function zoneIn(home: string): Promise<TestZone> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const made = await createTestZone(replicas[0]);
    // oxlint-disable-next-line no-await-in-loop
    if ((await databaseOf(database, made.zoneId)) === home) return made;
  }
}

test('older removals that do not get on do not keep those of another zone', async () => {
  const there = await databaseOf(database, zone.zoneId);
  const other = await zoneIn(there);
  const begin = `INSERT INTO removals (zone_id, id, kind, name, total, requested_at)
    SELECT $1, gen_random_uuid(), 'issuer', $2, 0, clock_timestamp() - $3::interval FROM generate_series(1, $4::int)`;
  const removals = await tableOf(database, zone.zoneId, 'removals');
  const thereBySql = (...statements: string[]) =>
    withClient(there, async (client) => {
      // What is made at one shard is not asked of the other nodes.
      await client.query('SET citus.enable_ddl_propagation = off');
      for (const statement of statements) await client.query(statement);
    });
  await thereBySql(
    `CREATE FUNCTION does_not_get_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE 'does not get on';
     END $$`,
    `CREATE TRIGGER does_not_get_on BEFORE DELETE ON ${removals}
       FOR EACH ROW WHEN (OLD.name = 'stuck') EXECUTE FUNCTION does_not_get_on()`,
  );
  try {
    // As many as are looked up at once.
    await rows(database, begin, [zone.zoneId, 'stuck', '1 hour', 100]);
    await rows(database, begin, [other.zoneId, 'free', '0', 1]);
    await until(async () => (await count('removals', 'true', other.zoneId)) === 0);
    expect(await count('removals')).toBe(100);
  } finally {
    await thereBySql('DROP FUNCTION does_not_get_on CASCADE');
  }
  await until(async () => (await count('removals')) === 0);
});

test('what is small is removed at once', async () => {
  const { clientId } = await zone.newClient({ name: `small ${randomUUID()}` });
  expect((await remove(`/clients/${clientId}`)).status).toBe(204);
  expect((await show(`/clients/${clientId}`)).status).toBe(404);
  expect((await remove('')).status).toBe(204);
  await withClient(database, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM removals WHERE zone_id = $1', [
      zone.zoneId,
    ]);
    expect(rowCount).toBe(0);
  });
});
