import { afterAll, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { rows, startReplica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses } from '../setup/process.js';
import { fetchAt, readList, referenceOf } from '../setup/status-lists.js';
import { createTestZone } from '../setup/zone.js';

afterAll(killProcesses);

/** Mandates of which one statement cannot look at more here. */
const MOST = 400;
/** As the server answers whose time for a statement is over. */
const SLOW = `
  ALTER FUNCTION status_list_taken_back(uuid, integer, integer, integer, integer) RENAME TO status_list_of_few;
  CREATE FUNCTION status_list_taken_back(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer)
  RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql AS $$
  BEGIN
    IF p_most > ${MOST} THEN
      RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
    END IF;
    RETURN QUERY SELECT f.taken_back, f.next FROM status_list_of_few(p_zone, p_hour, p_list, p_from, p_most) AS f;
  END $$`;
const UNREADABLE = `
  CREATE OR REPLACE FUNCTION status_list_of_few(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer)
  RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
  END $$`;
/** As many mandates of sessions that there are not, each in the list of one that there is. */
const FILL = `
  INSERT INTO issued_mandates (zone_id, exp_hour, list, idx, expires_at, jti, ancestors, sid, root_sid, said, kid)
  SELECT m.zone_id, m.exp_hour, m.list, (m.idx + n) % 1048576, m.expires_at, new_uuid_v7(), '{}', x.sid, x.sid, m.said, m.kid
    FROM issued_mandates m CROSS JOIN generate_series(1, 3000) AS n
   CROSS JOIN LATERAL (SELECT new_uuid_v7() AS sid WHERE n > 0) AS x
   WHERE m.zone_id = $1 AND m.idx = $2`;

test('a list of which one statement cannot look at so much is read in smaller parts', async () => {
  const replica = await startReplica({ env: { STATUS_LIST_SECONDS: '1' } });
  const zone = await createTestZone(replica);
  const resource = 'resource://listed';
  await zone.admin('POST', '/resources', {
    identifier: resource,
    scopes: ['shared'],
    revocation: 'status_list',
  });
  const session = tokenOf(await persistently(() => zone.session({ resource, scope: 'shared' })));
  const mandate = await persistently(() =>
    zone.exchange({ subject_token: session, resource, scope: 'shared' }),
  );
  const reference = referenceOf(tokenOf(mandate));
  if (reference === null) throw new Error('no list tells the status of the mandate');
  await rows(replica.databaseUrl, FILL, [zone.zoneId, reference.idx]);
  await rows(replica.databaseUrl, SLOW);
  const list = await readList(replica, zone.zoneId, reference);
  const bits = Array.from({ length: 3_002 }, (_, n) =>
    list.status((reference.idx + n) % 1_048_576),
  );
  expect(bits).toEqual([0, ...Array.from({ length: 3_000 }, () => 1), 0]);

  await rows(replica.databaseUrl, UNREADABLE);
  await expect
    .poll(async () => (await fetch(`${replica.url}${new URL(reference.uri).pathname}`)).status, {
      timeout: 20_000,
    })
    .toBe(503);
  expect((await fetchAt(replica, `${zone.issuer}/status`)).status).toBe(200);
  await replica.stop();
});
