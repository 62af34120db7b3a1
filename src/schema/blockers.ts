import type pg from 'pg';

/**
 * Names the server processes that one waits for a lock of, so that an operator can end them, or wait for them.
 *
 * @param client another connection than the one that waits
 * @param pid of the server process that waits
 * @returns words such as "process 4711 (pg_dump)", several with commas between; `null` if it waits for none
 * @throws the driver's error
 */
export async function blockersOf(client: pg.Client, pid: number): Promise<string | null> {
  const { rows } = await client.query<{ pid: number; name: string | null }>(BLOCKERS, [pid]);
  if (rows.length === 0) return null;
  const named = rows.map((row) => `process ${row.pid}${row.name ? ` (${row.name})` : ''}`);
  return named.join(', ');
}

/** Without `pg_read_all_stats`, the names of others' processes are not seen; five are enough to begin with. */
const BLOCKERS = `
  SELECT b.pid, a.application_name AS name
    FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) AS b LEFT JOIN pg_stat_activity a USING (pid)
   WHERE b.pid <> 0 ORDER BY b.pid LIMIT 5`;
