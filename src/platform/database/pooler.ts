import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseUnusable } from './start-patience.js';

/** How often it is tried whether two connections share a server process, which is found out at once where nobody is busy. */
const ROUNDS = 3;
/** Milliseconds between two looks whether a lock is gone. */
const LOOK_MS = 50;

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
 * two; and, since others may be in the way of that, by a lock of a session that is there when its connection is not.
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
    const shared =
      (await sharesProcesses(first, process, url, connectMs)) ||
      (await keepsLock(first, url, connectMs));
    if (shared) throw new DatabaseUnusable(POOLS_TRANSACTIONS, false);
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
    for (let round = 0; round < ROUNDS; round += 1) {
      await second.query('BEGIN');
      if ((await processOf(second)) === process) return true;
      if ((await processOf(first)) !== process) return true;
      await second.query('COMMIT');
    }
    return false;
  } catch (error) {
    if (error instanceof pg.DatabaseError && /statement pooling/.test(error.message)) return true;
    throw error;
  } finally {
    end(second);
  }
}

/** Whether a lock of a session outlives its connection, or does not live as long as that. Ends the connection. */
async function keepsLock(first: pg.Client, url: string, connectMs: number): Promise<boolean> {
  const key = String(randomBytes(8).readBigUInt64BE() >> 2n);
  const isHeld = async (client: pg.Client): Promise<boolean> =>
    (await client.query(HELD, [key])).rowCount === 1;
  await first.query('SELECT pg_try_advisory_lock($1)', [key]);
  if (!(await isHeld(first))) return true;
  await first.end();
  const second = await connect(url, connectMs);
  try {
    const since = performance.now();
    // A pooler clears up behind a session a moment after it.
    while (await isHeld(second)) {
      if (performance.now() - since > connectMs) return true;
      await sleep(LOOK_MS);
    }
    return false;
  } finally {
    end(second);
  }
}

const HELD = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND ((classid::bigint << 32) | objid::bigint) = $1::bigint`;

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
