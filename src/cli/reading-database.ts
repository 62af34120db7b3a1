import pg from 'pg';
import { readEnvironment } from '../platform/config/environment.js';
import { outageOf, refusalOf, unknownHostOf } from '../platform/database/outage.js';
import { CommandFailure } from './failure.js';

/** Where there is no database to read. */
export class NothingToRead extends Error {
  override readonly name = 'NothingToRead';

  constructor() {
    super('DATABASE_URL is needed: it says which database is read');
  }
}

/**
 * Reads the database that `DATABASE_URL` leads to, on a connection of its own.
 *
 * @throws {CommandFailure} as the work does; else an error whose message is for operators
 */
export async function readingDatabase<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { databaseUrl, limits } = readEnvironment({ opens: false }).env;
  if (databaseUrl === undefined) throw new NothingToRead();
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
    application_name: 'mandate audit',
  });
  // The call that fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    throw new Error(whyUnreadable(cause), { cause });
  } finally {
    // Not awaited: what never answered does not answer a goodbye.
    void client.end().catch(() => {});
  }
}

function whyUnreadable(cause: unknown): string {
  const known = refusalOf(cause) ?? unknownHostOf(cause);
  if (known !== null) return known;
  const outage = outageOf(cause);
  if (outage !== null) return `the database is out of reach: ${outage}`;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  if (code === '42P01' || code === '42703') {
    return 'the database has not the tables of this version: mandate migrate, or the version that it is of';
  }
  return cause instanceof Error ? cause.message : String(cause);
}
