import { limitTo } from './statement-share.js';

/** A transaction, as far as counting takes one. */
export interface CountingTransaction {
  query<T>(sql: string, parameters?: unknown[]): Promise<T>;
}

/** The most rows of a kind that are counted. */
export const MOST_COUNTED = 10_000;
/** What each count may take, of what a statement may take (`DATABASE_TIMEOUT_MS`): who is patient with one is with the other. */
const SHARE = 0.3;

/** Numbers of rows by kind. `null`: not counted in the time there is. */
export type Counts<K extends string> = Readonly<Record<K, number | null>> & {
  /** Which of the numbers are lower bounds: there were too many to count. */
  readonly at_least?: readonly K[];
};

/**
 * Counts rows of several kinds, each with its bounds of rows and of time.
 *
 * @param tx a transaction: each count is in a savepoint of its own, as one that takes too long is cancelled
 * @param kinds by kind what follows `FROM` in SQL, such as `clients c WHERE c.zone_id = $1`; `null` for what there is none of
 * @param parameters of each
 */
export async function countRows<K extends string>(
  tx: CountingTransaction,
  kinds: Readonly<Record<K, string | null>>,
  parameters: readonly string[],
): Promise<Counts<K>> {
  const counts: [string, number | null][] = [];
  const atLeast: string[] = [];
  for (const [kind, from] of Object.entries<string | null>(kinds)) {
    const rows = `SELECT 1 FROM ${from} LIMIT ${MOST_COUNTED + 1}`;
    const sql = `SELECT count(*)::int AS n FROM (${rows}) AS found`;
    // oxlint-disable-next-line no-await-in-loop
    const found = from === null ? 0 : await countWithin(tx, sql, parameters);
    if (found !== null && found > MOST_COUNTED) atLeast.push(kind);
    counts.push([kind, found === null ? null : Math.min(found, MOST_COUNTED)]);
  }
  const more = atLeast.length === 0 ? {} : { at_least: atLeast };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- there is a count of each kind
  return { ...Object.fromEntries(counts), ...more } as Counts<K>;
}

/**
 * Runs a statement that counts, within the time there is.
 *
 * @param sql returns a row with `n`
 * @returns `null` if it took too long, or says so
 */
export async function countWithin(
  tx: CountingTransaction,
  sql: string,
  parameters: readonly string[],
): Promise<number | null> {
  await tx.query('SAVEPOINT counting');
  try {
    await tx.query(limitTo(SHARE));
    const [row] = await tx.query<{ n: number | null }[]>(sql, [...parameters]);
    return row?.n ?? null;
  } catch (error) {
    if (!isCancelled(error)) throw error;
    return null;
  } finally {
    // Takes the limit back as well.
    await tx.query('ROLLBACK TO SAVEPOINT counting');
  }
}

function isCancelled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const cause: unknown = Reflect.get(error, 'driverError') ?? error;
  return typeof cause === 'object' && cause !== null && Reflect.get(cause, 'code') === '57014';
}
