import { decodeJwt } from 'jose';
import { afterAll, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { rows, startReplica, withClient } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses } from '../setup/process.js';
import { fetchAt, readList, referenceOf } from '../setup/status-lists.js';
import { databaseOf } from '../setup/zone-database.js';
import { createTestZone } from '../setup/zone.js';

afterAll(killProcesses);

/** Mandates of which one statement cannot look at more here. */
const MOST = 400;
const LIST_SIZE = 1_048_576;

/** Keeps account of what of lists is gone through, for ids that were taken back, and for whatever else was. */
const COUNTED = `
  CREATE TABLE gone_through (how text, first integer, most integer);
  ALTER FUNCTION status_list_resting_on(uuid, integer, integer, integer, integer, uuid[], uuid[], uuid[], uuid[])
    RENAME TO status_list_by_ids;
  CREATE FUNCTION status_list_resting_on(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer,
    p_jtis uuid[], p_sessions uuid[], p_agents uuid[], p_edges uuid[])
  RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO gone_through VALUES ('by ids', p_from, p_most);
    RETURN QUERY SELECT f.taken_back, f.next
      FROM status_list_by_ids(p_zone, p_hour, p_list, p_from, p_most, p_jtis, p_sessions, p_agents, p_edges) AS f;
  END $$;
  ALTER FUNCTION status_list_taken_back(uuid, integer, integer, integer, integer) RENAME TO status_list_of_few;
  CREATE FUNCTION status_list_taken_back(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer)
  RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql AS $$
  BEGIN
    -- As the server answers whose time for a statement is over.
    IF p_most > ${MOST} THEN
      RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
    END IF;
    INSERT INTO gone_through VALUES ('all', p_from, p_most);
    RETURN QUERY SELECT f.taken_back, f.next FROM status_list_of_few(p_zone, p_hour, p_list, p_from, p_most) AS f;
  END $$`;
const UNREADABLE = `
  CREATE OR REPLACE FUNCTION public.status_list_of_few(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer)
  RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
  END $$`;
/** More mandates in the list of one that there is: each second one of the same session, the others of sessions of their own. */
const FILL = `
  INSERT INTO issued_mandates (zone_id, exp_hour, list, idx, expires_at, jti, ancestors, sid, root_sid, said, kid)
  SELECT m.zone_id, m.exp_hour, m.list, (m.idx + n) % ${LIST_SIZE}, m.expires_at, new_uuid_v7(), '{}', x.sid, x.sid, m.said, m.kid
    FROM issued_mandates m CROSS JOIN generate_series(1, 3000) AS n
   CROSS JOIN LATERAL (SELECT CASE n % 2 WHEN 0 THEN m.sid ELSE new_uuid_v7() END AS sid) AS x
   WHERE m.zone_id = $1 AND m.idx = $2`;

/** Replaces functions at one server, which Citus would do at all of them. */
async function replaceFunctions(url: string, statements: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`SET citus.enable_ddl_propagation = off`);
    await client.query(statements);
  });
}

test('a list is gone through once for what was taken back, and not at all where nothing was', async () => {
  const replica = await startReplica({ env: { STATUS_LIST_SECONDS: '1' } });
  const zone = await createTestZone(replica);
  const resource = 'resource://listed';
  await zone.admin('POST', '/resources', {
    identifier: resource,
    scopes: ['shared'],
    revocation: 'status_list',
  });
  const session = tokenOf(await persistently(() => zone.session({ resource, scope: 'shared' })));
  const mandate = tokenOf(
    await persistently(() => zone.exchange({ subject_token: session, resource, scope: 'shared' })),
  );
  const reference = referenceOf(mandate);
  if (reference === null) throw new Error('no list tells the status of the mandate');
  await rows(replica.databaseUrl, FILL, [zone.zoneId, reference.idx]);
  const home = await databaseOf(replica.databaseUrl, zone.zoneId);
  await replaceFunctions(home, COUNTED);
  const bits = async () => {
    const list = await readList(replica, zone.zoneId, reference);
    return Array.from({ length: 3_002 }, (_, n) => list.status((reference.idx + n) % LIST_SIZE));
  };
  const looks = () =>
    rows<{ how: string; most: number }>(home, 'SELECT how, most FROM gone_through');
  /** Waits until the list was made anew, so many times. */
  const made = async (times: number) => {
    let last: unknown;
    for (let n = 0; n <= times; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await expect
        .poll(async () => (await readList(replica, zone.zoneId, reference)).claims['iat'], {
          interval: 100,
        })
        .not.toBe(last);
      // oxlint-disable-next-line no-await-in-loop
      last = (await readList(replica, zone.zoneId, reference)).claims['iat'];
    }
  };

  await made(3);
  expect(await bits()).toEqual(Array.from({ length: 3_002 }, () => 0));
  expect(await looks()).toEqual([]);

  const { sid } = decodeJwt(mandate);
  await zone.admin('DELETE', `/sessions/${String(sid)}`);
  const ended = Array.from({ length: 3_002 }, (_, n) => (n % 2 === 0 && n <= 3_000 ? 1 : 0));
  await expect.poll(bits, { interval: 200 }).toEqual(ended);
  // It is gone through for what has no position in the feed yet, and once more when it has one: then never again.
  const placed = () =>
    expect.poll(() => rows(home, 'SELECT 1 FROM revocation_notices')).toEqual([]);
  await placed();
  await made(2);
  const byIds = await looks();
  expect(new Set(byIds.map(({ how }) => how))).toEqual(new Set(['by ids']));
  await made(3);
  expect(await looks()).toEqual(byIds);
  expect(await bits()).toEqual(ended);

  // What has no id to be looked for: all mandates are looked at, here in parts that a statement has time for, and those are
  // dead whose sessions there are not.
  await rows(replica.databaseUrl, `SELECT raise_generation($1, 'resource', $2)`, [
    zone.zoneId,
    resource,
  ]);
  await expect
    .poll(bits, { interval: 200 })
    .toEqual([...Array.from({ length: 3_001 }, () => 1), 0]);
  await placed();
  await made(2);
  const all = (await looks()).slice(byIds.length);
  expect(new Set(all.map(({ how }) => how))).toEqual(new Set(['all']));
  expect(Math.max(...all.map(({ most }) => most))).toBeLessThanOrEqual(MOST);
  await made(2);
  expect(await looks()).toHaveLength(byIds.length + all.length);

  await replaceFunctions(home, UNREADABLE);
  await rows(replica.databaseUrl, `SELECT raise_generation($1, 'resource', $2)`, [
    zone.zoneId,
    resource,
  ]);
  await expect
    .poll(async () => (await fetch(`${replica.url}${new URL(reference.uri).pathname}`)).status)
    .toBe(503);
  expect((await fetchAt(replica, `${zone.issuer}/status`)).status).toBe(200);
  await replica.stop();
});
