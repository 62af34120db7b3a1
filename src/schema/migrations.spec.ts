import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const FOLDER = new URL('migrations/', import.meta.url);

/** What each migration does, by the name of its file. */
const texts = readdirSync(FOLDER)
  .filter((file) => /^\d/.test(file))
  .map((file) => [file, readFileSync(new URL(file, FOLDER), 'utf8')] as const);

/** Tables with a partition for each day, which is how what grows with use is kept. */
const byDay = new Set(
  texts.flatMap(([, text]) =>
    [...text.matchAll(/CREATE TABLE (\w+) \([^;]*\) PARTITION BY RANGE/g)].map(([, name]) => name),
  ),
);

/**
 * Built while its table is locked: this one is unique, and rows that break it have to be found at once. There are as
 * many rows as people have decided in three days.
 */
const BUILT_AT_ONCE = new Set(['challenge_decisions_by_person']);

test('no migration builds an index of a table that may be large: it declares it', () => {
  expect(byDay.size).toBeGreaterThan(8);
  const declared: string[] = [];
  for (const [file, text] of texts) {
    for (const [, name = '', only, table = ''] of text.matchAll(
      /CREATE (?:UNIQUE )?INDEX (\w+)\s+ON (ONLY )?(\w+)/g,
    )) {
      const isNew = new RegExp(`CREATE TABLE ${table} `).test(text);
      if (isNew || !byDay.has(table) || BUILT_AT_ONCE.has(name)) continue;
      expect(
        only,
        `${file}: CREATE INDEX ${name} ON ONLY ${table} (CONTRIBUTING.md)`,
      ).toBeDefined();
      // `index-builds.ts` names the index of a partition so.
      expect(name.startsWith(`${table}_`), name).toBe(true);
      expect(`${table}_20000101${name.slice(table.length)}`.length, name).toBeLessThan(64);
      declared.push(name);
    }
  }
  expect(declared.length).toBeGreaterThan(3);
});

/** What could not be run on a distributed database, which there were none of: the last one of these. */
const BEFORE_DISTRIBUTION = '1795390100000-policy-replays.ts';

test('a migration puts a table that it makes where it belongs, before its foreign keys', () => {
  const since = texts.filter(([file]) => file > BEFORE_DISTRIBUTION);
  const made = since.flatMap(([file, text]) =>
    [...text.matchAll(/CREATE TABLE (\w+) \(([^;]*)\)/g)].map(([, table = '', body = '']) => {
      const placed = text.includes(`placeTable(db, '${table}')`);
      return { file, table, placed, refers: body.includes('REFERENCES ') };
    }),
  );
  expect(made.length).toBeGreaterThan(2);
  expect(made.filter(({ table, placed }) => !placed && !MADE_BEFORE.has(table))).toEqual([]);
  expect(made.filter(({ table, refers }) => refers && !MADE_BEFORE.has(table))).toEqual([]);
});

/** The last one that sent several statements at once. */
const BEFORE_SINGLE = '1795401000000-zone-moves.ts';

test('a migration sends one statement at a time, as Citus sends what it is given to each node', () => {
  const since = texts.filter(([file]) => file > BEFORE_SINGLE);
  expect(since.length).toBeGreaterThan(0);
  expect(
    since.filter(([, text]) => /;\s*(?:ALTER|COMMENT|CREATE|DROP|INSERT|LOCK|UPDATE) /.test(text)),
  ).toEqual([]);
});

/** Whole on every node from the moment in which a database can be distributed at all. */
const MADE_BEFORE = new Set(['zone_directory']);
