import pg from 'pg';
import { connectionsOf } from './pool-sizes.js';

/** The share of the connections of PostgreSQL that one replica takes by default: another may start beside it. */
const SHARE = 1 / 2;

/**
 * How many workers PostgreSQL has connections for.
 *
 * @param url `postgres://…`
 * @param connectMs milliseconds for the connection, and for the answer
 * @param most no more are asked about
 * @returns at least 1
 * @throws the driver's error
 */
export async function affordableWorkers(
  url: string,
  connectMs: number,
  most: number,
): Promise<number> {
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
    return workersWithin((rows[0]?.most ?? 0) * SHARE, most);
  } finally {
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

/** How many workers, from 1 to `most`, so many connections are enough for. */
export function workersWithin(connections: number, most: number): number {
  let workers = Math.max(1, most);
  while (workers > 1 && connectionsOf(workers) > connections) workers -= 1;
  return workers;
}
