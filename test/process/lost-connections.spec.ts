/** Connections that break between two statements of a transaction, where no statement fails by it. */
import { DataSource, type EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitIf } from '../../src/platform/database/commit-if.js';
import { outageOf } from '../../src/platform/database/outage.js';
import { isDatabaseAway } from '../../src/platform/http/database-error.js';
import { dataSourceOptions } from '../../src/schema/data-source.js';
import { Zone } from '../../src/zones/zone.entity.js';
import { createDatabase, rows } from '../setup/harness.js';
import { until } from '../setup/process.js';

let databaseUrl: string;
let dataSource: DataSource;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  dataSource = await new DataSource(dataSourceOptions(databaseUrl)).initialize();
});
afterAll(async () => {
  await dataSource?.destroy();
});

test.each<[string, (tx: EntityManager) => Promise<unknown>]>([
  ['a query', (tx) => tx.query('SELECT 1')],
  ['a repository', (tx) => tx.getRepository(Zone).find()],
  ['the commit', () => Promise.resolve(null)],
])('the database is away, and our program is not at fault, when %s comes next', async (_, next) => {
  const failed: unknown = await commitIf(
    dataSource,
    () => true,
    async (tx) => {
      const [backend] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await rows(databaseUrl, 'SELECT pg_terminate_backend($1::int)', [backend?.pid]);
      await until(async () => tx.queryRunner?.isReleased === true);
      return next(tx);
    },
  ).catch((error: unknown) => error);
  expect([isDatabaseAway(failed), outageOf(failed)]).toEqual([true, 'the connection was cut']);
});
