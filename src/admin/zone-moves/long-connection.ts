import pg from 'pg';
import type { RunningEnv } from '../../platform/config/env.js';

/**
 * Does what takes as long as it takes on a connection of its own, without the limits of those that requests use.
 *
 * @param work what it leaves open is undone
 * @throws as the work does; the driver's error
 */
export async function onLongConnection<T>(
  { databaseUrl, limits }: Pick<RunningEnv, 'databaseUrl' | 'limits'>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
    application_name: 'mandate zone move',
  });
  // The call that fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(NO_LIMITS);
    return await work(client);
  } finally {
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

const NO_LIMITS = `SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
  set_config('idle_in_transaction_session_timeout', '0', false), set_config('jit', 'off', false)`;

/** Runs statements in one transaction. @param mode such as `ISOLATION LEVEL REPEATABLE READ` */
export async function inTransaction<T>(
  client: pg.Client,
  work: () => Promise<T>,
  mode = '',
): Promise<T> {
  await client.query(`BEGIN ${mode}`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that is gone cannot roll back, and then the database does.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
