import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDatabase, withClient } from '../setup/harness.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

/** Rows of each kind in a zone. */
const MANY = 20_000;
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** All of them are of one client and one session, below one agent session and one delegation. */
const FILL = [
  `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
   SELECT $1, n.id, n.id, $2, 'many', clock_timestamp() + interval '1 hour'
     FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, ${MANY})) AS n`,
  `INSERT INTO agent_sessions (zone_id, id, client_id, session_id, root_session_id, parent_id, path, depth, lifecycle, labels, expires_at)
   SELECT $1, n.id, $2, $2, $1, $2, ARRAY[$2::uuid, n.id], 1, 'task', '{}', clock_timestamp() + interval '1 hour'
     FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, ${MANY})) AS n`,
  `INSERT INTO delegation_edges (zone_id, id, source_id, target_id, issuer_client_id, receiver_client_id, parent_edge_id,
                                 edge_path, path, sessions, hop_count, scopes, constraints, expires_at, accepted_at)
   SELECT $1, n.id, $2, $2, $2, $2, $2, '{}', '{}', '{}', 1, '{}', '{}', clock_timestamp() + interval '1 hour',
          clock_timestamp()
     FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, ${MANY})) AS n`,
];

test('what nothing rests on is seen without reading a zone in which all else rests on one', async () => {
  const databaseUrl = await createDatabase();
  const [zone, one] = [randomUUID(), randomUUID()];
  const tables = await Promise.all(
    ['sessions', 'agent_sessions', 'delegation_edges'].map((name) =>
      tableOf(databaseUrl, zone, name),
    ),
  );
  await withClient(await databaseOf(databaseUrl, zone), async (client) => {
    // Without triggers and foreign keys.
    await client.query(`SET session_replication_role = 'replica'`);
    for (const fill of FILL) {
      // oxlint-disable-next-line no-await-in-loop
      await client.query(fill, [zone, one]);
    }
    await client.query(`ANALYZE ${tables.join(', ')}`);
    const rowsRead = async (of: string): Promise<number> => {
      const { rows } = await client.query<{ read: number }>(
        `SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int AS read
           FROM pg_stat_xact_user_tables WHERE relname ~ ('^(' || $1 || ')_')`,
        [of],
      );
      return rows[0]?.read ?? Number.NaN;
    };
    const read = async (
      kind: string,
      id: string,
      of = 'sessions|agent_sessions|delegation_edges',
    ) => {
      // What was read before may still be in these figures.
      await client.query('BEGIN');
      const before = await rowsRead(of);
      const found = await client.query('SELECT id FROM rests_on($1, $2, $3, $4, 50)', [
        zone,
        kind,
        id,
        LAST,
      ]);
      const after = await rowsRead(of);
      await client.query('ROLLBACK');
      return { kind, found: found.rows.length, few: after - before < MANY / 10 };
    };
    for (const kind of ['session', 'agent_session', 'delegation', 'federated_identity']) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await read(kind, randomUUID())).toEqual({ kind, found: 0, few: true });
    }
    expect(await read('client', randomUUID(), 'sessions|agent_sessions')).toEqual({
      kind: 'client',
      found: 0,
      few: true,
    });
    for (const kind of ['session', 'agent_session', 'delegation']) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await read(kind, one)).toEqual({ kind, found: 50, few: true });
    }
  });
});
