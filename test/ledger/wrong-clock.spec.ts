/** Rows that a process with a wrong clock has written for a day that has no partition. */
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tablesToClear } from '../../src/ledger/maintenance-connection.js';
import { applicationOf } from '../setup/agents.js';
import { verifyChains } from '../setup/chain.js';
import {
  rows,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { maintain } from '../setup/maintain.js';
import { until } from '../setup/process.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { tableOf } from '../setup/zone-database.js';

let replica: Replica;
let zone: TestZone;
/** The table of events itself, where the zone is: rows of it are copied. */
let events: string;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica);
  events = await tableOf(replica.databaseUrl, zone.zoneId, 'audit_events');
});
afterAll(() => replica.stop());

const sql = (text: string, values: unknown[] = []) => rows(replica.databaseUrl, text, values);

/** Ten days on: of that day there is no partition, since they are made a week ahead. */
const AHEAD = 10;
const DAY_MS = 86_400_000;

test('move to the partition of that day when it is made, as they are', async () => {
  const then = Date.now() + AHEAD * DAY_MS;
  const [day] = (await sql(
    "SELECT to_char((now() AT TIME ZONE 'UTC')::date + $1::int, 'YYYYMMDD') AS name",
    [AHEAD],
  )) as [{ name: string }];
  const answer = await zone.session();
  expect(answer.status).toBe(200);
  // What the process has written of its own day stays there; this is the same, as of ten days on.
  const id = uuidv7({ msecs: then });
  await sql(
    `INSERT INTO revocations SELECT (jsonb_populate_record(NULL::revocations, to_jsonb(r) || jsonb_build_object('jti', $1::text))).*
       FROM (SELECT $2::uuid AS zone_id, $1::uuid AS jti, now() AS revoked_at) r`,
    [id, zone.zoneId],
  );
  await sql(
    `INSERT INTO spent_nonces (zone_id, purpose, nonce, day)
     VALUES ($1, 'test', 'early', (now() AT TIME ZONE 'UTC')::date + $2::int)`,
    [zone.zoneId, AHEAD],
  );
  await sql(
    `INSERT INTO ${events} SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text, 'request_id', 'early', 'writer', $1::text, 'seq', 1))).*
       FROM ${events} e WHERE zone_id = $2 AND request_id = $3`,
    [id, zone.zoneId, answer.requestId],
  );
  const before = await sql('SELECT to_jsonb(e) AS row FROM audit_events e ORDER BY id');
  for (const table of ['revocations', 'spent_nonces', 'audit_events']) {
    expect(await sql(`SELECT 1 FROM ${table}_default`), table).toHaveLength(1);
  }

  await maintain(replica.databaseUrl, AHEAD);
  for (const table of ['revocations', 'spent_nonces', 'audit_events']) {
    expect(await sql(`SELECT 1 FROM ${table}_default`), table).toEqual([]);
    expect(await sql(`SELECT 1 FROM ${table}_${day.name}`), table).toHaveLength(1);
  }
  expect(await sql('SELECT to_jsonb(e) AS row FROM audit_events e ORDER BY id')).toEqual(before);
  // It is a day like any other: kept from change, and the next call finds nothing to do.
  await expect(sql(`DELETE FROM audit_events_${day.name}`)).rejects.toThrow();
  await expect(sql(`TRUNCATE audit_events_${day.name}`)).rejects.toThrow();
  await expect(sql('TRUNCATE audit_events_default')).rejects.toThrow();
  await expect(sql('DELETE FROM audit_events WHERE id = $1', [id])).rejects.toThrow();
  await maintain(replica.databaseUrl, AHEAD);
  const [{ copy }] = (await sql('SELECT count(*)::int AS copy FROM revocations WHERE jti = $1', [
    id,
  ])) as [{ copy: number }];
  expect(copy).toBe(1);
  const { faults } = await verifyChains(replica.databaseUrl);
  // The copy has the hash of what it was copied from; no other chain has suffered.
  expect(faults.filter((fault) => !fault.includes(id))).toEqual([]);
});

/** Rows as of some days ago, of which there is no partition. @returns what their ids are made of */
async function writeAsOf(daysAgo: number, answer: Answer): Promise<string> {
  const id = uuidv7({ msecs: Date.now() - daysAgo * DAY_MS });
  const { zoneId } = zone;
  await sql('INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)', [zoneId, id]);
  await sql(
    `INSERT INTO spent_nonces (zone_id, purpose, nonce, day)
     VALUES ($1, 'test', $2, (now() AT TIME ZONE 'UTC')::date - $3::int)`,
    [zoneId, id, daysAgo],
  );
  await sql(
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at, ended_at)
     VALUES ($1, $2, $2, $3, 'dead', now() - interval '1 day', NULL)`,
    [zoneId, id, zone.clientId],
  );
  await sql(
    `INSERT INTO ${events} SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text, 'request_id', 'late', 'writer', $1::text, 'seq', 1))).*
       FROM ${events} e WHERE zone_id = $2 AND request_id = $3`,
    [id, zoneId, answer.requestId],
  );
  return id;
}

const idsIn = async (table: string, key = 'id') =>
  (await sql(`SELECT ${key}::text AS id FROM ${table} ORDER BY 1`)).map((row) => String(row['id']));

const dayOf = (daysAgo: number): string =>
  new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');

/** As the job does (`ledger.maintenance.ts`). */
async function clear(): Promise<void> {
  for (const name of await withClient(replica.databaseUrl, tablesToClear)) {
    // oxlint-disable-next-line no-await-in-loop
    await sql('SELECT ledger_clear_default_partition($1)', [name]);
  }
}

test('of days that are over go as those days do', async () => {
  const answer = await zone.session();
  expect(answer.status).toBe(200);
  // Nothing can be alive after two days, and another one is kept; whole days, so neither is near its end.
  const old = await writeAsOf(30, answer);
  const withAlive = await writeAsOf(20, answer);
  const lately = await writeAsOf(2, answer);
  const alive = uuidv7({ msecs: Date.now() - 20 * DAY_MS });
  await sql(
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     VALUES ($1, $2, $2, $3, 'a service', now() + interval '1 hour')`,
    [zone.zoneId, alive, zone.clientId],
  );
  const before = await sql('SELECT to_jsonb(e) AS row FROM audit_events e ORDER BY id');

  await clear();
  expect(await idsIn('revocations_default', 'jti')).toEqual([lately]);
  expect(await idsIn('spent_nonces_default', 'nonce')).toEqual([lately]);
  // A day with a session that is alive is kept whole, as elsewhere.
  expect(await idsIn('sessions_default')).toEqual([withAlive, alive, lately].toSorted());
  // Of the audit log nothing goes: it has days that can be dropped, and that are kept from change until then.
  expect(await idsIn('audit_events_default')).toEqual([]);
  for (const [daysAgo, id] of [
    [30, old] as const,
    [20, withAlive] as const,
    [2, lately] as const,
  ]) {
    expect(await idsIn(`audit_events_${dayOf(daysAgo)}`)).toEqual([id]);
    await expect(sql(`TRUNCATE audit_events_${dayOf(daysAgo)}`)).rejects.toThrow();
    await expect(sql('DELETE FROM audit_events WHERE id = $1', [id])).rejects.toThrow();
  }
  expect(await sql('SELECT to_jsonb(e) AS row FROM audit_events e ORDER BY id')).toEqual(before);

  await sql('UPDATE sessions SET ended_at = now() WHERE zone_id = $1 AND id = $2', [
    zone.zoneId,
    alive,
  ]);
  await clear();
  expect(await idsIn('sessions_default')).toEqual([lately]);
});

test('of a day that was taken out stay, and a reader of the log keeps no day from being made', async () => {
  const answer = await zone.session();
  const id = await writeAsOf(40, answer);
  const elsewhere = await writeAsOf(50, answer);
  await sql(`CREATE TABLE audit_events_${dayOf(50)} (taken text)`);
  const last = `spent_nonces_${dayOf(-7)}`;
  await withClient(replica.databaseUrl, async (reader) => {
    await reader.query('BEGIN; LOCK TABLE audit_events IN ACCESS SHARE MODE');
    await sql(`DROP TABLE ${last}`);
    await maintain(replica.databaseUrl);
    await clear();
    expect(await sql('SELECT to_regclass($1)::text AS made', [last])).toEqual([{ made: last }]);
    expect(await idsIn('audit_events_default')).toEqual([elsewhere, id]);
    await reader.query('COMMIT');
  });
  await clear();
  expect(await idsIn('audit_events_default')).toEqual([elsewhere]);
});

test('that are very many go in several calls, each with an end', async () => {
  const many = 60_000;
  await sql(
    `INSERT INTO revocations (zone_id, jti)
     SELECT $1, overlay(gen_random_uuid()::text PLACING left(uuid_from_time(now() - interval '60 days')::text, 13) FROM 1)::uuid
       FROM generate_series(1, $2)`,
    [zone.zoneId, many],
  );
  const left = async () =>
    (await sql(
      `SELECT count(*)::int AS n FROM revocations_default WHERE jti < uuid_from_time(now() - interval '50 days')`,
    )) as [{ n: number }];
  await clear();
  const [first] = await left();
  expect(first.n).toBeGreaterThan(0);
  expect(first.n).toBeLessThan(many);
  await clear();
  expect(await left()).toEqual([{ n: 0 }]);
});

test('of a day of the audit log stay together when they are too many to be moved while nothing is issued', async () => {
  const answer = await zone.session();
  const ids: string[] = [];
  // oxlint-disable-next-line no-await-in-loop
  for (let i = 0; i < 3; i += 1) ids.push(await writeAsOf(70, answer));
  const few = await writeAsOf(65, answer);
  const isThere = async () => (await idsIn('audit_events_default')).filter((id) => id !== few);
  const before = await isThere();
  // Without the room of rows that have gone.
  await sql('VACUUM FULL audit_events_default');
  // As where the default partition is too large to be looked through.
  await sql(`SELECT ledger_clear_default_partition('audit_events', 0)`);
  expect(await idsIn('audit_events_default')).toContain(few);
  await sql(`SELECT ledger_clear_default_partition('audit_events', 2)`);
  expect(await isThere()).toEqual(before);
  expect(await idsIn(`audit_events_${dayOf(65)}`)).toEqual([few]);
  await sql(`SELECT ledger_clear_default_partition('audit_events', 1000)`);
  expect(await idsIn(`audit_events_${dayOf(70)}`)).toEqual(ids.toSorted());
});

test('of the audit log that are left are told of in the log, with what moves them', async () => {
  const first = await writeAsOf(90, await zone.session());
  // With it, one more than are moved while mandates are issued.
  await sql(
    `INSERT INTO audit_events
     SELECT (jsonb_populate_record(e, jsonb_build_object('seq', n, 'id', left(e.id::text, 24) || lpad(to_hex(n), 12, '0')))).*
       FROM audit_events e, generate_series(2, 10001) AS n WHERE e.id = $1`,
    [first],
  );
  const teller = await startReplicaForTest({ databaseUrl: replica.databaseUrl });
  const told = () => teller.logs().filter((line) => line.includes('events of past days'));
  await until(async () => told().length > 0);
  expect(await idsIn('audit_events_default')).toContain(first);
  const [command = ''] =
    /SELECT ledger_clear_default_partition\([^)]*\)/.exec(String(told())) ?? [];
  await sql(command);
  expect(await idsIn(`audit_events_${dayOf(90)}`)).toContain(first);
});

test('of agent sessions go without a count of each in the graph of their zone', async () => {
  const epoch = 'SELECT epoch FROM delegation_graphs WHERE zone_id = $1';
  const add = `INSERT INTO agent_sessions
    SELECT (jsonb_populate_record(s, jsonb_build_object('id', $2::uuid, 'path', ARRAY[$2::uuid], 'ended_at', now()))).*
      FROM agent_sessions s WHERE s.zone_id = $1 LIMIT 1`;
  const application = await applicationOf(zone, zone);
  await application.open();
  await sql(add, [zone.zoneId, uuidv7({ msecs: Date.now() - 30 * DAY_MS })]);
  expect(await idsIn('agent_sessions_default')).toHaveLength(1);
  const before = await sql(epoch, [zone.zoneId]);
  await clear();
  expect(await idsIn('agent_sessions_default')).toEqual([]);
  expect(await sql(epoch, [zone.zoneId])).toEqual(before);
});

test('are looked for in all tables where the size of those here says nothing', async () => {
  const tables = await withClient(replica.databaseUrl, async (client) => {
    await client.query('BEGIN');
    await client.query(
      'CREATE OR REPLACE FUNCTION is_distributed() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
    );
    const found = await tablesToClear(client);
    await client.query('ROLLBACK');
    return found;
  });
  const all = await sql('SELECT name FROM tables_by_day ORDER BY name');
  expect(tables).toEqual(all.map(({ name }) => name));
});

test('are cleared by any replica that starts', async () => {
  const id = await writeAsOf(80, await zone.session());
  await startReplicaForTest({ databaseUrl: replica.databaseUrl });
  await until(async () => !(await idsIn('audit_events_default')).includes(id));
  expect(await idsIn(`audit_events_${dayOf(80)}`)).toEqual([id]);
});
