import pg from 'pg';

/**
 * Opens a connection for what changes the schema: without time limits but that for its making, and what is given.
 *
 * @param url `postgres://…`
 * @param connectMs milliseconds
 * @param queryMs milliseconds after which a statement is not waited for any more; absent for no end
 * @throws the driver's error
 */
export async function openConnection(
  url: string,
  connectMs: number,
  queryMs?: number,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    ...(queryMs === undefined ? {} : { query_timeout: queryMs }),
    keepAlive: true,
    application_name: 'mandate schema',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    // Not awaited: what never answered does not answer a goodbye.
    void client.end().catch(() => {});
    throw error;
  }
}

/** The id of the server process behind a connection, which `pg_blocking_pids` is asked about. */
export async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}
