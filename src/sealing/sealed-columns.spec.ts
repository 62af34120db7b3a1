import { expect, test } from 'vitest';
import { SEAL_PURPOSES } from './seal.js';
import { SEALED_COLUMNS } from './sealed-columns.js';

test('every purpose but that of the key check has a column, and rows of one column differ in purpose', () => {
  const purposes = new Set<string>(SEALED_COLUMNS.map(({ purpose }) => purpose));
  expect([...purposes, 'key-check'].toSorted()).toEqual([...SEAL_PURPOSES].toSorted());
  const places = SEALED_COLUMNS.map(({ table, column, only }) => `${table}.${column} ${only}`);
  expect(new Set(places).size).toBe(places.length);
});
