import type { DataSource } from 'typeorm';
import { FUNCTION_SET } from '../platform/database/function-set.js';

/**
 * What this program needs and the database does not have: migrations that were not run, or an older set
 * of SQL functions. Only reads: `showMigrations` of TypeORM makes the table if it is missing, and keeps
 * a connection if that fails. What a newer program has brought is none of our business: its set of
 * functions serves us as well.
 *
 * @returns their names
 * @throws the driver's error
 */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const table = dataSource.driver.escape(dataSource.options.migrationsTableName ?? 'migrations');
  const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM ${table}`);
  const run = new Set(rows.map(({ name }) => name));
  const pending = dataSource.migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !run.has(name));
  // Before that there may be no table of sets.
  if (pending.length > 0) return pending;
  const sets = await dataSource.query<{ version: number | null }[]>(
    'SELECT max(version) AS version FROM schema_functions',
  );
  const { version } = FUNCTION_SET;
  return (sets[0]?.version ?? 0) < version ? [`function set ${version}`] : [];
}
