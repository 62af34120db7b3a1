import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Entry } from '../../src/ledger/entry.js';
import { CANDIDATES } from '../../src/admin/keys/automatic-rotation.service.js';
import { EARLIEST_ROTATION_SHARE } from '../../src/keys/rotation/key-schedule.js';
import { LedgerLane } from '../../src/ledger/ledger-lane.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { createDatabase, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const CLIENTS = 20_000;
/** Rows of everything that a commit looks at: each of their indexes has a hundred blocks and more. */
const ROWS = 30_000;
/** What a request may read beside, and what goes on in the background meanwhile. A client is some 300 bytes. */
const NOISE = 200_000;

let proxy: Proxy;
let replica: Replica;
let databaseUrl: string;
let zone: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  proxy = await startProxy();
  proxy.forwardTo(databaseUrl);
  replica = await startReplica({ databaseUrl: proxy.urlFor(databaseUrl) });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
  await proxy?.close();
});

/** What the first request takes after the zone has changed, in bytes that the database sends. */
async function bytesOfFirstRequest(): Promise<number> {
  await rows(databaseUrl, `UPDATE zones SET rotation_days = rotation_days + 1 WHERE id = $1`, [
    zone.zoneId,
  ]);
  const before = proxy.sent();
  expect((await persistently(() => zone.session())).status).toBe(200);
  return proxy.sent() - before;
}

/** Blocks of tables and indexes that the commit of an entry reads, in a transaction so that it says what it read. */
async function blocksOfCommit(lane: LedgerLane): Promise<number> {
  const [client] = await rows<{ version: string; settings: string }>(
    databaseUrl,
    `SELECT c.version::text, z.settings_version::text AS settings FROM clients c JOIN zones z ON z.id = c.zone_id
      WHERE c.zone_id = $1 AND c.id = $2`,
    [zone.zoneId, zone.clientId],
  );
  const otherwise = { outcome: 'denied', error: 'invalid_grant', reason: 'it moved' } as const;
  const [sessionId, jti] = [uuidv7(), uuidv7()];
  await rows(
    databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     VALUES ($1, $2, $2, $3, 'somebody', now() + interval '1 hour')`,
    [zone.zoneId, sessionId, zone.clientId],
  );
  const entry: Entry = {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    settings_version: String(client?.settings),
    clients: [{ id: zone.clientId, version: String(client?.version) }],
    facts: [
      { kind: 'session_live', id: sessionId, otherwise },
      { kind: 'token_not_revoked', jti, parameter: 'subject_token', otherwise },
    ],
    event: { type: 'test', outcome: 'issued', request_id: uuidv7() },
  };
  await lane.rows('begin', 'BEGIN', []);
  expect(await lane.try(entry)).toMatchObject({ status: 'recorded' });
  const [read] = await lane.rows(
    'blocks',
    `SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::float8 AS blocks FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')`,
    [],
  );
  await lane.rows('commit', 'COMMIT', []);
  return Number(read?.['blocks']);
}

test('a first request reads as much of a zone with many clients as of one with few', async () => {
  await bytesOfFirstRequest();
  const few = await bytesOfFirstRequest();
  await rows(
    databaseUrl,
    `WITH added AS (
       INSERT INTO clients (zone_id, id, name, auth_methods, registration_method, labels)
       SELECT $1, gen_random_uuid(), 'client ' || n, '{client_secret_post}', 'manual', ARRAY['label ' || n]
         FROM generate_series(1, ${CLIENTS}) AS n RETURNING zone_id, id)
     INSERT INTO client_secrets (zone_id, client_id, id, kind, verifier)
     SELECT zone_id, id, gen_random_uuid(), 'digest', 'x' FROM added`,
    [zone.zoneId],
  );
  const many = await bytesOfFirstRequest();
  expect(many).toBeLessThan(few + NOISE);
});

test('a label that some client of many has is found by an index', async () => {
  await rows(databaseUrl, 'ANALYZE clients');
  const plan = await rows<{ 'QUERY PLAN': string }>(
    databaseUrl,
    `EXPLAIN SELECT FROM clients c WHERE c.labels <> '{}' AND c.zone_id = '${zone.zoneId}'
        AND label_keys(c.zone_id, c.labels) @> label_keys('${zone.zoneId}', ARRAY['label 7'])`,
  );
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('clients_by_label');
  const [found] = await rows(databaseUrl, 'SELECT reserved_labels($1, $2, $3) AS labels', [
    zone.zoneId,
    zone.clientId,
    ['label 7', 'no label', 'label 20000', 'label 20001'],
  ]);
  expect(found).toEqual({ labels: ['label 7', 'label 20000'] });
});

test('a commit whose plans were made where there was little reads no more where there is a lot', async () => {
  const limits = timeLimits(30_000);
  const lane = new LedgerLane({
    url: () => databaseUrl,
    limits,
    name: 'test lane',
    patient: false,
    lockMs: 5_000,
    observer: { batch: () => {} },
  });
  try {
    await rows(databaseUrl, 'VACUUM ANALYZE');
    await blocksOfCommit(lane);
    const few = await blocksOfCommit(lane);
    await withClient(databaseUrl, async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query(
        `INSERT INTO revocations (zone_id, jti) SELECT $1, new_uuid_v7() FROM generate_series(1, ${ROWS})`,
        [zone.zoneId],
      );
      await client.query(
        `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
         SELECT $1, id, id, $2, 'somebody', now() + interval '1 hour'
           FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, ${ROWS})) AS new`,
        [zone.zoneId, zone.clientId],
      );
      await client.query(
        `INSERT INTO clients (zone_id, id, name, auth_methods, registration_method)
         SELECT $1, gen_random_uuid(), 'another ' || n, '{client_secret_post}', 'manual'
           FROM generate_series(1, ${ROWS}) AS n`,
        [zone.zoneId],
      );
      await client.query(
        `INSERT INTO audit_chains (zone_id, writer, seq, hash)
         SELECT gen_random_uuid(), gen_random_uuid(), 1, '' FROM generate_series(1, ${ROWS})`,
      );
      await client.query(
        `INSERT INTO zones SELECT made.* FROM (SELECT z FROM zones z WHERE id = $1) AS one (one),
           generate_series(1, ${ROWS}) AS n,
           LATERAL jsonb_populate_record(one.one, jsonb_build_object('id', gen_random_uuid(), 'name', 'zone ' || n)) AS made`,
        [zone.zoneId],
      );
    });
    expect(await blocksOfCommit(lane)).toBeLessThan(few + 100);
  } finally {
    await lane.close();
  }
});

test('zones whose keys are young are not read when keys that are old are looked for', async () => {
  await withClient(databaseUrl, async (client) => {
    // Never committed, so that nothing is rotated.
    await client.query('BEGIN');
    await client.query('SET LOCAL session_replication_role = replica');
    await client.query(
      `INSERT INTO signing_keys SELECT made.* FROM (SELECT k FROM signing_keys k WHERE zone_id = $1 LIMIT 1) AS one (one),
         (SELECT id FROM zones WHERE id <> $1 LIMIT ${ROWS / 2}) AS z,
         LATERAL jsonb_populate_record(one.one, jsonb_build_object('zone_id', z.id)) AS made`,
      [zone.zoneId],
    );
    await client.query(
      `UPDATE signing_keys k SET activates_at = now() - z.rotation_days * interval '36 hours'
         FROM zones z WHERE z.id = k.zone_id AND z.id = $1`,
      [zone.zoneId],
    );
    await client.query('ANALYZE zones, signing_keys');
    const share = [EARLIEST_ROTATION_SHARE];
    const { rows: found } = await client.query<{ zoneId: string }>(CANDIDATES, share);
    expect(found.map(({ zoneId }) => zoneId)).toEqual([zone.zoneId]);
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${CANDIDATES}`;
    const { rows: plan } = await client.query(explain, share);
    await client.query('ROLLBACK');
    const [, read] = /"Shared Hit Blocks":(\d+)/.exec(JSON.stringify(plan)) ?? [];
    // Three blocks and more for each zone, if each were looked up.
    expect(Number(read)).toBeLessThan(ROWS / 2);
  });
});
