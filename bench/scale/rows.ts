import type { TestZone } from '../../test/setup/zone.js';
import { withClient } from '../../test/setup/databases.js';
import { pieces, type Growth } from './growth.js';

const PIECE = 100_000;
/** A writer that there is not. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

/**
 * Copies the last row of a table many times, with other ids. It is done in pieces, so that the write-ahead log does
 * not have to hold all of it.
 *
 * @param changes what is different in a copy, as the arguments of `jsonb_build_object`: `new.id` is a UUIDv7, `new.n`
 *   counts the copies
 */
async function copyRow(
  { zoneId, replica }: TestZone,
  table: string,
  changes: string,
  [from, to]: [number, number],
): Promise<void> {
  await withClient(replica.databaseUrl, async (client) => {
    // Copies rest on nothing that was not checked for the row that they are made of.
    await client.query('SET session_replication_role = replica');
    for (const [first, next] of pieces(from, to, PIECE)) {
      await client.query(
        `INSERT INTO ${table} SELECT made.*
           FROM (SELECT t FROM ${table} AS t WHERE t.zone_id = $1 ORDER BY t.id DESC LIMIT 1) AS original (one),
                (SELECT uuidv7() AS id, n FROM generate_series($2::bigint, $3::bigint - 1) AS n) AS new,
                LATERAL jsonb_populate_record(original.one, jsonb_build_object(${changes})) AS made`,
        [zoneId, first, next],
      );
    }
    await client.query(`VACUUM ANALYZE ${table}`);
  });
}

/** Sessions that live, of one client. */
export const sessions: Growth = {
  name: 'sessions',
  sizes: [0, 100_000, 1_000_000],
  kind: 'exchange',
  grow: async (zone, from, to) => {
    await copyRow(zone, 'sessions', `'id', new.id, 'root_id', new.id`, [from, to]);
    return null;
  },
};

/** Audit events, of a writer that never was: their chain cannot be verified. */
export const auditRows: Growth = {
  name: 'audit rows',
  sizes: [0, 1_000_000, 10_000_000],
  kind: 'exchange',
  grow: async (zone, from, to) => {
    await copyRow(
      zone,
      'audit_events',
      `'id', new.id, 'seq', new.n, 'writer', '${NOBODY}', 'request_id', new.id, 'jti', new.id`,
      [from, to],
    );
    return null;
  },
};
