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
import { PLACEMENTS, zoneColumn, type Placement } from './placements.js';

const name = pg.escapeIdentifier;

/** A foreign key as the catalog has it. */
interface ForeignKey {
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
    for (const key of keys) {
      await client.query(`ALTER TABLE ${name(key.table)} DROP CONSTRAINT ${name(key.name)}`);
    }
    await place(client, await unplaced(client));
    for (const key of keys) {
      await client.query(
        `ALTER TABLE ${name(key.table)} ADD CONSTRAINT ${name(key.name)} ${key.definition}`,
      );
    }
  });
  // Those that are about tables are made on workers now that these are there.
  await replaceFunctions(client, waiting);
  return [...done, 'distribution'];
}

/**
 * Distributes the tables that migrations have brought since the database was distributed. On any other it does nothing.
 *
 * @returns how many
 * @throws the driver's error
 */
export async function placeNewTables(client: pg.Client, waiting: Waiting): Promise<number> {
  if (!(await isDistributed(client))) return 0;
  const tables = await unplaced(client);
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
  for (const table of tables) await client.query(PLACE[placementOf(table)](table));
}

function placementOf(table: string): Placement {
  const placement = PLACEMENTS[table];
  if (placement === undefined) {
    throw new CannotDistribute(
      `the table ${table} is none of Mandate's: move it to another database, or to another schema`,
    );
  }
  return placement;
}

const PLACE: Readonly<Record<Placement, (table: string) => string>> = {
  zone: (table) =>
    `SELECT create_distributed_table('${name(table)}', '${zoneColumn(table)}',
       colocate_with := '${table === 'zones' ? 'none' : 'zones'}')`,
  reference: (table) => `SELECT create_reference_table('${name(table)}')`,
  local: (table) => `SELECT citus_add_local_table_to_metadata('${name(table)}')`,
};

async function foreignKeys(client: pg.Client): Promise<ForeignKey[]> {
  const { rows } = await client.query<ForeignKey>(`
    SELECT c.relname AS table, o.conname AS name, pg_get_constraintdef(o.oid) AS definition
      FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
     WHERE o.contype = 'f' AND o.conparentid = 0 AND o.connamespace = current_schema()::regnamespace
     ORDER BY o.oid`);
  return rows;
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
    const statement = `ALTER DATABASE ${name(rows[0]?.database ?? '')} SET ${setting} = on`;
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
