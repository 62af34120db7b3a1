import pg from 'pg';
import { leastConnections } from './pool-sizes.js';

/** The share of the connections of PostgreSQL that one replica takes by default: another may start beside it. */
const SHARE = 1 / 2;

/**
 * How many connections the database has (`max_connections`).
 *
 * @param url `postgres://…`
 * @param connectMs milliseconds for the connection, and for the answer
 * @throws the driver's error
 */
export async function readMaxConnections(url: string, connectMs: number): Promise<number> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
  });
  // What fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ most: number }>(
      "SELECT current_setting('max_connections')::int AS most",
    );
    return rows[0]?.most ?? 0;
  } finally {
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

/**
 * How many workers there are connections for, from 1 to `most`.
 *
 * @param connections that the replica may take (DATABASE_POOL_SIZE); undefined: its share of what there are
 */
export function affordableWorkers(
  most: number,
  connections: number | undefined,
  maxConnections: number,
): number {
  const there = connections ?? maxConnections * SHARE;
  let workers = Math.max(1, most);
  while (workers > 1 && leastConnections(workers) > there) workers -= 1;
  return workers;
}
