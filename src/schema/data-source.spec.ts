import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getMetadataArgsStorage } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { connectionsOf, leastConnections } from '../platform/database/pool-sizes.js';
import { dataSourceOptions, migrationOptions, operatorsOptions } from './data-source.js';
import { refuseToGoBack } from './migrations/refuse-to-go-back.js';

const SRC = fileURLToPath(new URL('..', import.meta.url));
const URL_OF_NONE = 'postgres://none';

/** The values of the modules whose file names end so. */
async function exportsOf(ending: RegExp): Promise<unknown[]> {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
    ending.test(path),
  );
  const modules = await Promise.all(
    files.map((path): Promise<object> => import(/* @vite-ignore */ `../${path}`)),
  );
  return modules.flatMap((module) => Object.values(module));
}

/** Connections of a worker beside those of pools: the ledger's four, and the change feed's. */
const OF_EACH_WORKER = 4 + 1;
/** Those of one of them: the migration's, and those of jobs. */
const OF_ONE = 1 + 4;

describe('src/schema/data-source.ts', () => {
  test.each([
    [1, undefined],
    [2, undefined],
    [8, undefined],
    [1, 20],
    [1, 100],
    [2, 55],
  ])('makes no more connections than %i workers may take of %j', (workers, connections) => {
    const settings = { workers, connections };
    const { changing, reading } = operatorsOptions(URL_OF_NONE, undefined, settings);
    const pools = [dataSourceOptions(URL_OF_NONE, undefined, settings), changing, reading];
    const pooled = pools.reduce((sum, { poolSize = Number.NaN }) => sum + poolSize, 0);
    expect(connectionsOf(settings)).toBe(workers * (pooled + OF_EACH_WORKER) + OF_ONE);
  });

  test('nothing else makes connections of its own than what is counted there', () => {
    const making = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
      .filter((path) => readFileSync(`${SRC}/${path}`, 'utf8').includes('new pg.Client('));
    expect(making.toSorted()).toEqual([
      'admin/removals/removals.service.ts',
      'admin/zone-moves/long-connection.ts',
      'cli/reading-database.ts',
      'embedded.ts',
      'ledger/ledger.connection.ts',
      'ledger/maintenance-connection.ts',
      'platform/config/database-url.ts',
      'platform/database/affordable-workers.ts',
      'platform/database/change-feed.ts',
      'platform/database/pooler.ts',
      'schema/schema-connection.ts',
      'webhooks/revocation-stream/revocation-outbox.service.ts',
    ]);
  });

  test('takes as many connections as the README says', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const ofEach = (leastConnections(2) - OF_ONE) / 2;
    expect(leastConnections(99)).toBe(99 * ofEach + OF_ONE);
    expect(readme).toContain(
      `a replica takes ${connectionsOf({ workers: 1, connections: undefined })} at most`,
    );
    expect(readme).toContain(`${ofEach} for each and ${OF_ONE} more`);
  });

  test('lists every entity', async () => {
    const found = new Set(await exportsOf(/\.entity\.ts$/));
    const tables = getMetadataArgsStorage().tables.map(({ target }) => target);
    const entities = tables.filter((target) => found.has(target));
    expect(entities.length).toBeGreaterThan(20);
    expect(new Set(entities)).toEqual(
      new Set(Object.values(dataSourceOptions(URL_OF_NONE).entities ?? [])),
    );
  });

  test('lists every migration, none of which goes back', async () => {
    const found = await exportsOf(/^schema\/migrations\/\d.*\.ts$/);
    const listed: unknown[] = Object.values(migrationOptions(URL_OF_NONE).migrations ?? []);
    expect(listed.length).toBeGreaterThan(0);
    expect(new Set(found)).toEqual(new Set(listed));
    for (const migration of listed) {
      if (typeof migration !== 'function') throw new Error('a migration is a class');
      // Which of them were run is seen by the names of the classes.
      expect(Reflect.construct(migration, [])).toMatchObject({
        name: migration.name,
        down: refuseToGoBack,
      });
    }
  });
});
