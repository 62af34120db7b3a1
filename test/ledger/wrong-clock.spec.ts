/** Rows that a process with a wrong clock has written for a day that has no partition yet. */
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChains } from '../setup/chain.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica);
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
    `INSERT INTO audit_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text, 'request_id', 'early', 'writer', $1::text, 'seq', 1))).*
       FROM audit_events e WHERE zone_id = $2 AND request_id = $3`,
    [id, zone.zoneId, answer.requestId],
  );
  const before = await sql('SELECT to_jsonb(e) AS row FROM audit_events e ORDER BY id');
  for (const table of ['revocations', 'spent_nonces', 'audit_events']) {
    expect(await sql(`SELECT 1 FROM ${table}_default`), table).toHaveLength(1);
  }

  await sql('SELECT ledger_maintain($1)', [AHEAD]);
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
  await sql('SELECT ledger_maintain($1)', [AHEAD]);
  const [{ copy }] = (await sql('SELECT count(*)::int AS copy FROM revocations WHERE jti = $1', [
    id,
  ])) as [{ copy: number }];
  expect(copy).toBe(1);
  const { faults } = await verifyChains(replica.databaseUrl);
  // The copy has the hash of what it was copied from; no other chain has suffered.
  expect(faults.filter((fault) => !fault.includes(id))).toEqual([]);
});
