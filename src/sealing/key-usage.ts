import { FORMAT_1 } from './seal-format-1.js';
import { FORMAT } from './seal.js';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';

/** The number of values of a column that are sealed under one key-encryption key. */
export interface KeyUsage {
  readonly table: string;
  readonly column: string;
  /** The key id in the values; {@link OF_FORMAT_1} or {@link UNREADABLE} for those without. */
  readonly keyId: string;
  readonly count: number;
}

/** The key id of values of the first release, which do not name their key. */
export const OF_FORMAT_1 = 'format-1';
/** The key id of values that are of no known format. */
export const UNREADABLE = 'unreadable';

/** Runs a query on the database. */
export type RunQuery = <T>(sql: string, parameters?: unknown[]) => Promise<T[]>;

/** SQL for the key id in a sealed value, which is at its start, in clear. */
export function keyIdExpression({ column }: SealedColumn): string {
  return `CASE WHEN length(${column}) < 3 THEN '${UNREADABLE}'
    WHEN get_byte(${column}, 0) = ${FORMAT_1} THEN '${OF_FORMAT_1}'
    WHEN get_byte(${column}, 0) = ${FORMAT}
      THEN encode(substring(${column} FROM 3 FOR get_byte(${column}, 1)), 'escape')
    ELSE '${UNREADABLE}' END`;
}

/** Counts the sealed values of the whole database, by column and key, without opening any. */
export async function readKeyUsage(query: RunQuery): Promise<KeyUsage[]> {
  const usages: KeyUsage[] = [];
  for (const sealed of SEALED_COLUMNS) {
    const { table, column, only = 'true' } = sealed;
    const rows = await query<{ key_id: string; count: string }>(
      `SELECT ${keyIdExpression(sealed)} AS key_id, count(*) AS count FROM ${table}
        WHERE ${column} IS NOT NULL AND ${only} GROUP BY 1 ORDER BY 1`,
    );
    for (const { key_id: keyId, count } of rows) {
      usages.push({ table, column, keyId, count: Number(count) });
    }
  }
  return usages;
}
