import { FORMAT_1 } from './seal-format-1.js';
import { FORMAT } from './seal.js';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';

/** How many values of a column are sealed under one key-encryption key. */
export interface KeyUsage {
  readonly table: string;
  readonly column: string;
  /** As the values say; {@link OF_FORMAT_1} for those that do not, and {@link UNREADABLE}. */
  readonly keyId: string;
  readonly count: number;
}

/** In the place of a name: values of the first release, which do not say under which key they are. */
export const OF_FORMAT_1 = 'format-1';
/** In the place of a name: values that nothing of ours has made. */
export const UNREADABLE = 'unreadable';

/** Runs a query on the database. */
export type RunQuery = <T>(sql: string, parameters?: unknown[]) => Promise<T[]>;

/** SQL for the name of the key-encryption key in a sealed value: it stands in front, in clear. */
export function keyIdExpression({ column }: SealedColumn): string {
  return `CASE WHEN length(${column}) < 3 THEN '${UNREADABLE}'
    WHEN get_byte(${column}, 0) = ${FORMAT_1} THEN '${OF_FORMAT_1}'
    WHEN get_byte(${column}, 0) = ${FORMAT}
      THEN encode(substring(${column} FROM 3 FOR get_byte(${column}, 1)), 'escape')
    ELSE '${UNREADABLE}' END`;
}

/** Counts what is sealed in the whole database, by column and key. Nothing is opened for it. */
export async function readKeyUsage(query: RunQuery): Promise<KeyUsage[]> {
  const usages: KeyUsage[] = [];
  for (const sealed of SEALED_COLUMNS) {
    const { table, column } = sealed;
    const rows = await query<{ key_id: string; count: string }>(
      `SELECT ${keyIdExpression(sealed)} AS key_id, count(*) AS count FROM ${table}
        WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY 1`,
    );
    for (const { key_id: keyId, count } of rows) {
      usages.push({ table, column, keyId, count: Number(count) });
    }
  }
  return usages;
}
