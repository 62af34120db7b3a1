import pg from 'pg';
import { timeLimits, type TimeLimits } from '../platform/config/time-limits.js';

/**
 * One connection to PostgreSQL, opened when it is needed and dropped after a failure: a statement
 * that was not answered in time leaves a connection in an unknown state.
 */
export class LedgerConnection {
  private client: pg.Client | undefined;
  private connecting: Promise<pg.Client> | undefined;

  constructor(
    private readonly url: string,
    private readonly limits: TimeLimits = timeLimits(),
  ) {}

  /**
   * Runs one prepared statement.
   *
   * @param name the name of the prepared statement
   * @returns its rows
   * @throws the driver's error, after at most the limits of waiting for a connection and of a commit
   */
  async rows(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    const client = await this.connected();
    try {
      const result = await client.query<Record<string, unknown>>({ name, text, values });
      return result.rows;
    } catch (error) {
      if (!isStatementError(error)) this.discard(client);
      throw error;
    }
  }

  /** Closes the connection. A later statement opens another. */
  async close(): Promise<void> {
    await this.client?.end().catch(() => {});
    this.client = undefined;
  }

  /**
   * The connection. Concurrent callers share one attempt: otherwise all but one connection would leak. It goes
   * on when they have waited long enough, since it may take more round trips than a caller can wait for.
   */
  private connected(): Promise<pg.Client> {
    if (this.client !== undefined) return Promise.resolve(this.client);
    this.connecting ??= this.connect().finally(() => (this.connecting = undefined));
    const { connecting } = this;
    return new Promise((resolve, reject) => {
      const tooLong = new Error('timeout exceeded when trying to connect');
      const timer = setTimeout(() => reject(tooLong), this.limits.waitMs);
      connecting.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: this.limits.connectMs,
      query_timeout: this.limits.commitMs,
      // Also on the server, so that a statement that timed out here is not committed there.
      statement_timeout: this.limits.commitMs,
      // An entry that waits for a lock is then tried alone, so that the rest of its batch does not wait with it.
      lock_timeout: this.limits.lockMs,
      keepAlive: true,
      application_name: 'mandate ledger',
    });
    client.on('error', () => this.discard(client));
    client.on('end', () => this.discard(client));
    try {
      await client.connect();
    } catch (error) {
      this.discard(client);
      throw error;
    }
    this.client = client;
    return client;
  }

  private discard(client: pg.Client): void {
    if (this.client === client) this.client = undefined;
    // Not awaited: a server that is paused never answers.
    void client.end().catch(() => {});
  }
}

/** Whether the server itself refused the statement, which leaves the connection usable. */
export function isStatementError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && /^(22|23|42|P0|55|57014)/.test(error.code ?? '');
}
