/** Where statements are run: the database, or a transaction. */
export interface Queries {
  /** @returns the rows */
  query<T>(sql: string, values?: unknown[]): Promise<T>;
}

/** Runs statements in one transaction, and commits it unless they throw. */
export type InTransaction = <T>(run: (tx: Queries) => Promise<T>) => Promise<T>;
