import pg from 'pg';

const CONNECT_MS = 700;
const STATEMENT_MS = 1_200;
const LOCK_MS = 500;

/**
 * One connection to PostgreSQL, opened when it is needed and dropped after a failure: a statement
 * that was not answered in time leaves a connection in an unknown state.
 */
export class LedgerConnection {
  private client: pg.Client | undefined;
  private connecting: Promise<pg.Client> | undefined;

  constructor(private readonly url: string) {}

  /**
   * Runs one prepared statement.
   *
   * @param name the name of the prepared statement
   * @returns its rows
   * @throws the driver's error, after at most about two seconds
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

  /** The connection. Concurrent callers share one attempt: otherwise all but one connection would leak. */
  private connected(): Promise<pg.Client> {
    if (this.client !== undefined) return Promise.resolve(this.client);
    this.connecting ??= this.connect().finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      // Also on the server, so that a statement that timed out here is not committed there.
      statement_timeout: STATEMENT_MS,
      // An entry that waits for a lock is then tried alone, so that the rest of its batch does not wait with it.
      lock_timeout: LOCK_MS,
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
