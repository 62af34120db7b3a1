import type { DataSource } from 'typeorm';

/**
 * The migrations of this program that the database has not seen. Only reads: `showMigrations` of
 * TypeORM makes the table if it is missing, and keeps a connection if that fails. Migrations that a
 * newer program has run are none of our business.
 *
 * @returns their names
 * @throws the driver's error
 */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const table = dataSource.driver.escape(dataSource.options.migrationsTableName ?? 'migrations');
  const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM ${table}`);
  const run = new Set(rows.map(({ name }) => name));
  return dataSource.migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !run.has(name));
}
