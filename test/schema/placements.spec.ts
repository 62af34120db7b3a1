import { beforeAll, describe, expect, test } from 'vitest';
import {
  PLACEMENTS,
  zoneColumn,
  type Placement,
} from '../../src/schema/distribution/placements.js';
import { createDatabase, rows } from '../setup/harness.js';

let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
});

const placementOf = (table: string): Placement | undefined => PLACEMENTS[table];
const isOfZones = (table: string): boolean => placementOf(table) === 'zone';

/** The tables of the schema without the partitions that they have for days. */
const TABLES = `c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace`;

describe('what keeps the schema such that it can be distributed', () => {
  test('every table says where it is', async () => {
    const tables = await rows<{ name: string }>(
      databaseUrl,
      `SELECT c.relname AS name FROM pg_class c WHERE ${TABLES} ORDER BY c.relname`,
    );
    expect(Object.keys(PLACEMENTS).toSorted()).toEqual(tables.map(({ name }) => name).toSorted());
  });

  test('every table of zones says of which zone a row is', async () => {
    const columns = await rows<{ table: string }>(
      databaseUrl,
      `SELECT c.relname AS table FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnotnull AND a.atttypid = 'uuid'::regtype
          AND a.attname = CASE c.relname WHEN 'zones' THEN 'id' ELSE 'zone_id' END
        WHERE ${TABLES}`,
    );
    const saying = columns.map(({ table }) => table);
    expect(
      Object.keys(PLACEMENTS)
        .filter(isOfZones)
        .filter((table) => !saying.includes(table)),
    ).toEqual([]);
  });

  test('whatever is unique in a table of zones is so in a zone', async () => {
    const keys = await rows<{ table: string; name: string; columns: string[] }>(
      databaseUrl,
      `SELECT c.relname AS table, i.relname AS name,
              ARRAY(SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey)) AS columns
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indisunique AND ${TABLES}`,
    );
    const breaking = keys
      .filter(({ table }) => isOfZones(table))
      .filter(({ table, columns }) => !columns.includes(zoneColumn(table)));
    expect(keys.length).toBeGreaterThan(60);
    expect(breaking).toEqual([]);
  });

  test('a row refers to what is of its zone, or on every node', async () => {
    const keys = await rows<{
      table: string;
      name: string;
      to: string;
      pairs: [string, string][];
    }>(
      databaseUrl,
      `SELECT c.relname AS table, o.conname AS name, t.relname AS to,
              (SELECT json_agg(json_build_array(a.attname, b.attname))
                 FROM unnest(o.conkey, o.confkey) AS pair (mine, its)
                 JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = pair.mine
                 JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = pair.its) AS pairs
         FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_class t ON t.oid = o.confrelid
        WHERE o.contype = 'f' AND o.conparentid = 0 AND ${TABLES}`,
    );
    const allowed = ({ table, to, pairs }: (typeof keys)[number]): boolean => {
      if (placementOf(to) === 'reference') return true;
      if (placementOf(to) === 'local') return placementOf(table) === 'local';
      return (
        isOfZones(table) &&
        pairs.some(([mine, its]) => mine === zoneColumn(table) && its === zoneColumn(to))
      );
    };
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter((key) => !allowed(key))).toEqual([]);
  });

  test('a trigger for TRUNCATE is one for nothing else, as Citus puts that on no shard', async () => {
    const mixed = await rows(
      databaseUrl,
      // Bits of pg_trigger.tgtype: 32 is TRUNCATE, 4, 8 and 16 are INSERT, DELETE and UPDATE.
      `SELECT tgrelid::regclass::text AS table, tgname AS name FROM pg_trigger
         JOIN pg_class c ON c.oid = tgrelid
        WHERE c.relnamespace = 'public'::regnamespace
          AND NOT tgisinternal AND tgtype & 32 <> 0 AND tgtype & 28 <> 0`,
    );
    expect(mixed).toEqual([]);
  });

  test('a sequence that functions use is that of a column of a table of zones, which brings it to workers', async () => {
    const loose = await rows(
      databaseUrl,
      `SELECT s.relname FROM pg_class s
        WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = s.oid AND d.deptype IN ('a', 'i'))
          AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
                           WHERE d.refobjid = s.oid AND d.classid = 'pg_attrdef'::regclass)`,
    );
    expect(loose).toEqual([]);
  });
});
