import { beforeAll, expect, test } from 'vitest';
import { applicationOf, tokenOf, type TestApplication } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { createDatabase, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { until } from '../setup/process.js';
import { revokeAs } from '../setup/revoke.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** How many rows of others there are beside each, once plans are kept that were made for empty tables. */
const OTHERS = 5_000;
/** How many rows a look-up may read on average. */
const A_FEW = 20;
/** What is another one in each row of others, by its table. */
const OF_OTHERS = {
  sessions: `'id', new_uuid_v7(), 'client_id', new_uuid_v7()`,
  agent_sessions: `'id', new_uuid_v7(), 'client_id', new_uuid_v7(), 'session_id', new_uuid_v7(), 'ended_at', now()`,
  delegation_edges: `'id', new_uuid_v7(), 'source_id', new_uuid_v7(), 'target_id', new_uuid_v7()`,
  challenges: `'id', new_uuid_v7(), 'client_id', new_uuid_v7(), 'subject', new_uuid_v7(), 'binding', '\\x' || md5(random()::text), 'decision', null, 'decided_at', null, 'consumed_at', null`,
  revocations: `'jti', new_uuid_v7()`,
  clients: `'id', new_uuid_v7(), 'name', new_uuid_v7()`,
  audit_events: `'id', new_uuid_v7(), 'writer', new_uuid_v7(), 'request_id', new_uuid_v7(), 'jti', new_uuid_v7()`,
  audit_index: `'id', new_uuid_v7()`,
  spent_nonces: `'nonce', new_uuid_v7()`,
} as const;

let replica: Replica;
let zone: TestZone;
let app: TestApplication;
let other: TestApplication;
let agents: readonly [string, string];
let edge: string;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica, APPROVE_WRITES);
  app = await applicationOf(zone, zone);
  other = await applicationOf(zone);
  agents = [await app.open(), await other.open()];
  edge = await app.delegate(...agents);
  await other.accept(edge);
  return () => replica.stop();
});

/** One of each request that asks PostgreSQL for what is in tables of days. */
async function everyRequest(): Promise<void> {
  const token = await app.bearer();
  const mandate = tokenOf(await zone.exchange({ subject_token: token, scope: 'shared' }));
  const delegated = { agent_session_id: agents[1], delegation_edge_id: edge, scope: 'shared' };
  tokenOf(await other.exchange(delegated));
  tokenOf(await app.exchange({ agent_session_id: agents[0], scope: 'shared' }));
  const held = heldIn(await zone.session({ scope: 'a:write' }));
  await settle(zone, held.id);
  tokenOf(await zone.session({ scope: 'a:write', ...held.response }));
  expect((await introspect(replica.url, mandate, zone)).body['active']).toBe(true);
  expect((await introspect(replica.url, token, zone)).body['active']).toBe(true);
  expect((await revokeAs(zone, replica.url, { token: mandate })).status).toBe(200);
  expect((await revokeAs(zone, replica.url, { token })).status).toBe(200);
}

/** Puts rows of others into tables, each like one that is there but for its key. */
async function addOthers(): Promise<void> {
  await withClient(replica.databaseUrl, async (client) => {
    await client.query('SET session_replication_role = replica');
    for (const [table, values] of Object.entries(OF_OTHERS)) {
      // oxlint-disable-next-line no-await-in-loop
      await client.query(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(r, jsonb_build_object(${values}))).*
           FROM (SELECT x FROM ${table} x WHERE x.zone_id = $1 LIMIT 1) AS one (r), generate_series(1, ${OTHERS})`,
        [zone.zoneId],
      );
    }
  });
}

interface Reads {
  readonly name: string;
  readonly scans: number;
  readonly read: number;
}

/** How often each index and each table as a whole was read, and how many rows. */
function readSoFar(): Promise<Reads[]> {
  return rows<Reads>(
    replica.databaseUrl,
    `SELECT name, sum(scans)::float8 AS scans, sum(read)::float8 AS read FROM (
       SELECT indexrelname AS name, idx_scan AS scans, idx_tup_read AS read FROM pg_stat_user_indexes
       UNION ALL SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables) AS x GROUP BY 1`,
  );
}

test('reads no more of an index than what is asked for, by plans of when tables were empty', async () => {
  for (let n = 0; n < 7; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await everyRequest();
  }
  await addOthers();
  const before = new Map((await readSoFar()).map((one) => [one.name, one]));
  let since: Reads[] = [];
  await until(async () => {
    await everyRequest();
    since = (await readSoFar()).map(({ name, scans, read }) => ({
      name,
      scans: scans - (before.get(name)?.scans ?? 0),
      read: read - (before.get(name)?.read ?? 0),
    }));
    // Each process of the server tells after a second what it has read.
    return since.filter(({ scans }) => scans >= 40).length > 5;
  });
  const much = since.filter(({ scans, read }) => read >= OTHERS && read > A_FEW * scans);
  expect(much).toEqual([]);
});

/** How many rows this connection has read of tables and indexes, as far as it has told nobody. */
const READ_HERE = `SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0)::int AS read FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')`;

test('reads no zone or client but those that are asked for by id, before anything is known of how many there are', async () => {
  await withClient(await createDatabase(), async (client) => {
    const asked = `SELECT id FROM clients_with_settings(ARRAY(SELECT '00000000-0000-7000-8000-000000000001'::uuid))`;
    const readSoFarHere = async () =>
      Number((await client.query<{ read: number }>(READ_HERE)).rows[0]?.read);
    await client.query('ALTER TABLE zones SET (autovacuum_enabled = off)');
    await client.query('ALTER TABLE clients SET (autovacuum_enabled = off)');
    await client.query('SET session_replication_role = replica');
    await client.query(
      `INSERT INTO zones (id, name, sealed_digest_key)
       SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, i, '' FROM generate_series(1, ${OTHERS}) AS i`,
    );
    await client.query(
      `INSERT INTO clients (zone_id, id, name, auth_methods)
       SELECT z.id, CASE n WHEN 0 THEN z.id ELSE new_uuid_v7() END, n, '{}' FROM zones z, generate_series(0, 4) AS n`,
    );
    await client.query('BEGIN');
    const before = await readSoFarHere();
    expect((await client.query(asked)).rows).toHaveLength(1);
    expect((await readSoFarHere()) - before).toBeLessThan(A_FEW);
    await client.query('COMMIT');
  });
});
