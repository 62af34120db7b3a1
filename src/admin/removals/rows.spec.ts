import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROWS } from './rows.js';

test('rows that are named by where they lie have that in views of shards as well', () => {
  const text = readFileSync(new URL('../../schema/zone-shards.sql', import.meta.url), 'utf8');
  const beside = text.slice(text.indexOf('beside CONSTANT'), text.indexOf('made   CONSTANT'));
  const withPlace = new Set(
    [...beside.matchAll(/WHEN (.*?) THEN '([^']*)'/gs)].flatMap(([, tables = '', columns = '']) =>
      columns.includes('ctid') ? [...tables.matchAll(/'(\w+)'/g)].map(([, name]) => name) : [],
    ),
  );
  const named = Object.values(ROWS).flatMap((rows) =>
    rows.flatMap(({ table, key }) => (key === undefined ? [table] : [])),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((table) => !withPlace.has(table))).toEqual([]);
});
