import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getMetadataArgsStorage } from 'typeorm';
import { describe, expect, test } from 'vitest';
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

/** Connections beside those of pools: the ledger's three, the change feed's, and those of jobs. */
const SINGLE_CONNECTIONS = 3 + 1 + 4;

describe('src/schema/data-source.ts', () => {
  test('makes no more connections than the README says that a replica takes', () => {
    const { changing, reading } = operatorsOptions(URL_OF_NONE);
    const pools = [dataSourceOptions(URL_OF_NONE), changing, reading];
    const pooled = pools.reduce((sum, { poolSize = Number.NaN }) => sum + poolSize, 0);
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`a replica takes ${pooled + SINGLE_CONNECTIONS} at most`);
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
