import pg from 'pg';
import { DatabaseUnusable } from './start-patience.js';

/** How often it is tried whether two connections share a server process. Once is enough unless others are as busy. */
const ROUNDS = 3;

/** What a connection may take on the server, in milliseconds, by the names that PostgreSQL has for it. */
export interface ServerLimits {
  readonly statement_timeout?: number;
  readonly lock_timeout?: number;
  readonly idle_in_transaction_session_timeout?: number;
}

/** The limits that a connection begins with: none through a pooler, which refuses them, or drops them without a word. */
export function limitsAtStart(limits: ServerLimits, pooler: boolean): ServerLimits {
  return pooler ? {} : limits;
}

/** Sets the limits that a connection could not begin with. To be called before anything else is asked on it. */
export async function limitsAfterStart(
  client: Pick<pg.ClientBase, 'query'>,
  limits: ServerLimits,
  pooler: boolean,
): Promise<void> {
  if (!pooler) return;
  const settings = Object.entries(limits).map(([name, ms]) => `SET ${name} = ${Number(ms)}`);
  await client.query(settings.join('; '));
}

/**
 * Finds out whether a pooler, such as PgBouncer, is between here and PostgreSQL: then the process that the connection
 * was said to have is not the one that answers. One that gives a connection another server process for each
 * transaction cannot be used, since what is tied to a session would be anybody's: notifications, advisory locks,
 * prepared statements and time limits. Such a pooler is told by two connections that have one process, or one that has
 * two.
 *
 * @param url `postgres://…`
 * @param connectMs milliseconds for a connection, and for an answer
 * @throws {DatabaseUnusable} if it does not keep sessions; the driver's error
 */
export async function findPooler(url: string, connectMs: number): Promise<boolean> {
  const first = await connect(url, connectMs);
  try {
    const process = await processOf(first);
    if (process === Reflect.get(first, 'processID')) return false;
    for (let round = 0; round < ROUNDS; round += 1) {
      if (await sharesProcesses(first, process, url, connectMs)) {
        throw new DatabaseUnusable(POOLS_TRANSACTIONS, false);
      }
    }
    return true;
  } finally {
    end(first);
  }
}

const POOLS_TRANSACTIONS =
  'the pooler that DATABASE_URL leads to gives each transaction another connection, and Mandate needs sessions: ' +
  'set pool_mode = session for this database (PgBouncer), or let DATABASE_URL lead to PostgreSQL itself';

/** Whether another connection that is in a transaction has the process of the first one, or has taken its place. */
async function sharesProcesses(
  first: pg.Client,
  process: number,
  url: string,
  connectMs: number,
): Promise<boolean> {
  const second = await connect(url, connectMs);
  try {
    try {
      await second.query('BEGIN');
    } catch (error) {
      if (error instanceof pg.DatabaseError && /statement pooling/.test(error.message)) return true;
      throw error;
    }
    if ((await processOf(second)) === process) return true;
    return (await processOf(first)) !== process;
  } finally {
    end(second);
  }
}

async function connect(url: string, connectMs: number): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
    application_name: 'mandate start',
  });
  // What fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    end(client);
    throw error;
  }
}

/** Not awaited: a server that is paused never answers. */
function end(client: pg.Client): void {
  void client.end().catch(() => {});
}

async function processOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}
