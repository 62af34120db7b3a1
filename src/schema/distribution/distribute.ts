import pg from 'pg';
import { backendOf } from '../schema-connection.js';
import { replaceFunctions } from '../functions.js';
import { whenTablesAreFree, type Waiting } from '../tables-in-use.js';
import {
  CannotDistribute,
  IN_SEQUENCE,
  isDistributed,
  onAllNodes,
  refuseUnready,
} from './cluster.js';
import { PLACEMENTS, placing } from './placements.js';

const id = pg.escapeIdentifier;

/** A foreign key or a trigger, as the catalog has it. */
interface OfTable {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

/**
 * Turns a migrated database on Citus into a distributed one, with all that is in it: in one transaction, so that a process
 * that is killed leaves it as it was. Where that was done before, it distributes what is new, and sets up nodes that were
 * added since.
 *
 * @param client a connection that holds the lock of migrations
 * @returns what was done
 * @throws {CannotDistribute} if the database or its cluster is not ready for that
 * @throws the driver's error
 */
export async function distribute(client: pg.Client, waiting: Waiting): Promise<string[]> {
  await refuseUnready(client);
  const done: string[] = [];
  if (await setUpNodes(client)) done.push('settings of nodes');
  if (await isDistributed(client)) {
    const placed = await placeNewTables(client, waiting);
    return placed === 0 ? done : [...done, `distribution of ${placed} new tables`];
  }
  await inSequence(client, waiting, async () => {
    const keys = await foreignKeys(client);
    const triggers = await ownTriggers(client);
    for (const { table, name: key } of keys) {
      await client.query(`ALTER TABLE ${id(table)} DROP CONSTRAINT ${id(key)}`);
    }
    for (const { table, name: trigger } of triggers) {
      await client.query(`DROP TRIGGER ${id(trigger)} ON ${id(table)}`);
    }
    const tables = await unplaced(client);
    await place(client, tables);
    await forgetLocalRows(client, tables);
    for (const { table, name: key, definition } of keys) {
      await client.query(`ALTER TABLE ${id(table)} ADD CONSTRAINT ${id(key)} ${definition}`);
    }
    for (const { definition } of triggers) await client.query(definition);
    // So that whoever comes next replaces the functions, where this process is killed before it has.
    await client.query('DELETE FROM schema_functions');
  });
  // Those that are about tables are made on workers now that these are there.
  await replaceFunctions(client, waiting);
  return [...done, 'distribution'];
}

/**
 * Distributes the tables that migrations have brought since the database was distributed. On any other it does nothing. Tables
 * of others, such as a day that was taken out to be kept elsewhere, are left where they are, and keep no server from starting.
 *
 * @returns how many
 * @throws the driver's error
 */
export async function placeNewTables(client: pg.Client, waiting: Waiting): Promise<number> {
  if (!(await isDistributed(client))) return 0;
  const tables = (await unplaced(client)).filter((table) => PLACEMENTS[table] !== undefined);
  if (tables.length > 0) await inSequence(client, waiting, () => place(client, tables));
  return tables.length;
}

/** The tables that are on the coordinator alone and not known to the others, that of zones first. */
async function unplaced(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(UNPLACED);
  return rows.map((row) => row.name);
}

const UNPLACED = `
  SELECT c.relname AS name FROM pg_class c
   WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid)
   ORDER BY c.relname <> 'zones', c.relname`;

async function place(client: pg.Client, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    if (PLACEMENTS[table] === undefined) {
      throw new CannotDistribute(
        `the table ${table} is none of Mandate's: move it to another schema, or to another database`,
      );
    }
    await client.query(placing(table));
  }
}

async function foreignKeys(client: pg.Client): Promise<OfTable[]> {
  const { rows } = await client.query<OfTable>(`
    SELECT c.relname AS table, o.conname AS name, pg_get_constraintdef(o.oid) AS definition
      FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
     WHERE o.contype = 'f' AND o.conparentid = 0 AND o.connamespace = current_schema()::regnamespace
     ORDER BY o.oid`);
  return rows;
}

/** All triggers of ours: to them rows that come to a worker would be new, and those that go from here gone. */
async function ownTriggers(client: pg.Client): Promise<OfTable[]> {
  const { rows } = await client.query<OfTable>(`
    SELECT c.relname AS table, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND c.relnamespace = current_schema()::regnamespace
     ORDER BY t.oid`);
  return rows;
}

/** Removes the rows that tables have left on the coordinator: nobody sees them there any more, and its disk has them. */
async function forgetLocalRows(client: pg.Client, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
        AND (c.relname = ANY ($1) AND c.relkind = 'r'
             OR EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                         WHERE i.inhrelid = c.oid AND c.relkind = 'r' AND p.relname = ANY ($1)))`,
    [tables.filter((table) => PLACEMENTS[table] !== 'local')],
  );
  for (const { name: table } of rows) {
    await client.query(`SELECT truncate_local_data_after_distributing_table('${id(table)}')`);
  }
}

/** What has to be set for the database on each node: triggers of tables of zones run where the rows are. */
const SETTINGS = ['citus.enable_unsafe_triggers', 'citus.allow_nested_distributed_execution'];

/** Sets what nodes lack. @returns whether any did */
async function setUpNodes(client: pg.Client): Promise<boolean> {
  const answers = await onAllNodes(
    client,
    `SELECT count(*) = ${SETTINGS.length} FROM unnest((SELECT setconfig FROM pg_db_role_setting
       WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))) AS one (setting)
      WHERE setting IN (${SETTINGS.map((setting) => `'${setting}=on'`).join(', ')})`,
  );
  if (answers.every(({ success, result }) => success && result === 't')) return false;
  const { rows } = await client.query<{ database: string }>(
    'SELECT current_database() AS database',
  );
  for (const setting of SETTINGS) {
    const statement = `ALTER DATABASE ${id(rows[0]?.database ?? '')} SET ${setting} = on`;
    for (const { node, success, result } of await onAllNodes(client, statement)) {
      if (!success)
        throw new CannotDistribute(
          `the node ${node} refuses "${statement}" (${result}): do it there`,
        );
    }
    await client.query(`SET ${setting} = on`);
  }
  return true;
}

/** Does something in one transaction, in which nodes are asked about one shard after the other. */
async function inSequence(
  client: pg.Client,
  waiting: Waiting,
  work: () => Promise<void>,
): Promise<void> {
  await client.query(IN_SEQUENCE);
  await whenTablesAreFree(waiting, await backendOf(client), async (lockMs) => {
    await client.query('BEGIN');
    try {
      await client.query(`SET LOCAL lock_timeout = ${lockMs}`);
      for (const setting of SETTINGS) await client.query(`SET LOCAL ${setting} = on`);
      await work();
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  });
}
