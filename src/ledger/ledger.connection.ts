import pg from 'pg';
import type { TimeLimits } from '../platform/config/time-limits.js';
import { limitsAfterStart, limitsAtStart } from '../platform/database/pooler.js';

/** A server process behind a connection. Process ids are used again, so its start belongs to its name. */
interface Backend {
  readonly pid: number;
  readonly since: string;
}

/** Thrown when a statement was sent and its answer was not received: it may have been committed. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';

  constructor(
    readonly backend: Backend,
    cause: unknown,
  ) {
    super('the answer of the database was not received', { cause });
  }
}

interface Connected {
  readonly client: pg.Client;
  readonly backend: Backend;
}

/**
 * One connection to PostgreSQL, opened when it is needed and dropped after a failure: a statement
 * that was not answered in time leaves a connection in an unknown state.
 */
export class LedgerConnection {
  private current: Connected | undefined;
  private connecting: Promise<Connected> | undefined;

  /**
   * @param url where it is now
   * @param name what the database calls it
   * @param lockMs how long a statement waits for a table. Rows are never waited for
   * @param onFailure is given what each statement has thrown that failed
   */
  constructor(
    private readonly url: () => string,
    private readonly name: string,
    private readonly lockMs: number,
    private readonly limits: TimeLimits,
    private readonly onFailure: (error: unknown) => void = () => {},
  ) {}

  /**
   * Runs one prepared statement.
   *
   * @param name the name of the prepared statement
   * @returns its rows
   * @throws {Unanswered} if what became of the statement is not known; otherwise the driver's error, and
   *   then nothing of it was done. After at most the limits of waiting for a connection and of a commit
   */
  async rows(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    const { client, backend } = await this.connected();
    try {
      const result = await client.query<Record<string, unknown>>({ name, text, values });
      return result.rows;
    } catch (error) {
      this.onFailure(error);
      if (!isStatementError(error)) this.discard(client);
      throw isRolledBack(error) ? error : new Unanswered(backend, error);
    }
  }

  /**
   * Ends the server process of a connection that was lost, so that a statement which is still on its way, or
   * running, is not committed any more.
   *
   * @returns whether it has ended
   * @throws the driver's error
   */
  async end({ pid, since }: Backend): Promise<boolean> {
    const rows = await this.rows('ledger_end', END, [pid, since, this.limits.lockMs]);
    return rows.every((row) => row['ended'] === true);
  }

  /** Closes the connection. A later statement opens another. */
  async close(): Promise<void> {
    await this.current?.client.end().catch(() => {});
    this.current = undefined;
  }

  /**
   * The connection. Concurrent callers share one attempt: otherwise all but one connection would leak. It goes
   * on when they have waited long enough, since it may take more round trips than a caller can wait for.
   */
  private connected(): Promise<Connected> {
    if (this.current !== undefined) return Promise.resolve(this.current);
    this.connecting ??= this.connect().finally(() => (this.connecting = undefined));
    const { connecting } = this;
    return new Promise((resolve, reject) => {
      const tooLong = new Error('timeout exceeded when trying to connect');
      const timer = setTimeout(() => reject(tooLong), this.limits.waitMs);
      connecting.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  private async connect(): Promise<Connected> {
    const { connectMs, commitMs, pooler } = this.limits;
    // Also on the server, so that a statement that timed out here is not committed there.
    const onServer = { statement_timeout: commitMs, lock_timeout: this.lockMs };
    const client = new pg.Client({
      connectionString: this.url(),
      connectionTimeoutMillis: connectMs,
      query_timeout: commitMs,
      ...limitsAtStart(onServer, pooler),
      keepAlive: true,
      application_name: this.name,
    });
    client.on('error', () => this.discard(client));
    client.on('end', () => this.discard(client));
    try {
      await client.connect();
      await limitsAfterStart(client, onServer, pooler);
      const { rows } = await client.query<Backend>(BACKEND);
      const backend = rows[0];
      if (backend === undefined) throw new Error('the database does not show its own process');
      this.current = { client, backend };
      return this.current;
    } catch (error) {
      this.discard(client);
      throw error;
    }
  }

  private discard(client: pg.Client): void {
    if (this.current?.client === client) this.current = undefined;
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

/** Whether the server itself refused the statement, which leaves the connection usable. */
export function isStatementError(error: unknown): error is pg.DatabaseError {
  return isRolledBack(error) && /^(22|23|40|42|P0|55|57014)/.test(error.code ?? '');
}

/** Whether the server said that the statement failed, and not only that the connection ends. */
function isRolledBack(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && !/^(08|40003|57P|58|XX)/.test(error.code ?? '');
}

/** What `pg_stat_activity` has of one process, without the names that the view looks up for all of them. */
const BACKEND = `SELECT pid, extract(epoch FROM backend_start)::text AS since
  FROM pg_stat_get_activity(pg_backend_pid())`;

const END = `SELECT pg_terminate_backend(pid, $3) AS ended FROM pg_stat_activity
  WHERE pid = $1 AND extract(epoch FROM backend_start)::text = $2`;
