import pg from 'pg';
import { rows, withClient } from './harness.js';
import { databaseOf, homeOf, idInEach, tableOf } from './zone-database.js';
import { until } from './process.js';

/** A statement and its parameters. */
export type Statement = readonly [text: string, values: readonly unknown[]];

/** Does something while another connection has a transaction open, which is rolled back. */
export async function whileOpen<T>(
  databaseUrl: string,
  [text, values]: Statement,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const home = await homeOf(databaseUrl, text, values);
  return withClient(home, async (client) => {
    await client.query('BEGIN');
    await client.query(text, [...values]);
    try {
      return await run(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/**
 * Lets a request come as far as a lock that its commit meets, makes a change there, and says what came of it.
 * The ledger waits half a second for a lock.
 */
export async function changedInBetween<T>(
  databaseUrl: string,
  lock: Statement,
  ask: () => Promise<T>,
  [change, values]: Statement,
): Promise<T> {
  // Not awaited inside: what waits for the lock goes on only when the transaction is over.
  const home = await homeOf(databaseUrl, ...lock);
  const { answering } = await whileOpen(home, lock, async (client) => {
    const since = await moment(home);
    const started = ask();
    await until(async () => (await triedApart(home, since)) > 0);
    await client.query(change, [...values]);
    await client.query('COMMIT');
    return { answering: started };
  });
  return answering;
}

/**
 * Keeps everybody from a table of zones, wherever zones are.
 *
 * @returns lets it go; once is enough
 */
export async function lockTable(databaseUrl: string, table: string): Promise<() => Promise<void>> {
  const places = await idInEach(databaseUrl);
  const clients = await Promise.all(
    places.map(async (id) => {
      const client = new pg.Client({ connectionString: await databaseOf(databaseUrl, id) });
      await client.connect();
      const name = await tableOf(databaseUrl, id, table);
      await client.query(`BEGIN; LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
      return client;
    }),
  );
  // What is not committed is gone with its connection.
  return async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
  };
}

async function moment(databaseUrl: string): Promise<string> {
  const [row] = await rows<{ now: string }>(databaseUrl, 'SELECT clock_timestamp()::text AS now');
  return String(row?.now);
}

/** How many ledgers have, since a moment, tried again what met a lock. */
async function triedApart(databaseUrl: string, since: string): Promise<number> {
  const found = await rows(
    databaseUrl,
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'mandate ledger apart' AND query_start > $1::timestamptz`,
    [since],
  );
  return found.length;
}
