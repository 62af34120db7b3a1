import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tablesToClear } from '../../src/ledger/maintenance-connection.js';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { PLACEMENTS } from '../../src/schema/distribution/placements.js';
import { migrate } from '../../src/schema/migrate.js';
import { PG_DUMP } from '../conform/tools.js';
import { CITUS_URL, createCitusDatabase, ON_CITUS } from '../setup/citus.js';
import { runCli, startCli } from '../setup/cli.js';
import { rows, startReplica, withClient } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { createTestZone } from '../setup/zone.js';

const run = promisify(execFile);

const distribute = (url: string, as: object = {}) =>
  runCli(['migrate', '--distribute'], { DATABASE_URL: url, ...as });

const migrated = async () => {
  const database = await createCitusDatabase();
  await migrate(database.url, new StartPatience(60, () => {}));
  return database;
};

/** What says when functions were replaced is another row afterwards. */
const KEPT = Object.keys(PLACEMENTS).filter((table) => table !== 'schema_functions');

/** How many rows each table has, and a digest of all of them. */
async function contentsOf(url: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  await withClient(url, async (client) => {
    for (const table of KEPT) {
      const { rows: all } = await client.query<{ digest: string }>(
        `SELECT count(*) || ' ' || md5(coalesce(string_agg(r, E'\\n' ORDER BY r COLLATE "C"), '')) AS digest
           FROM (SELECT t::text AS r FROM ${table} t) AS every_row`,
      );
      contents[table] = String(all[0]?.digest);
    }
  });
  return contents;
}

/** How many tables there are of each placement, the partitions not counted. */
const placements = (url: string) =>
  rows<{ name: string; type: string }>(
    url,
    `SELECT c.relname AS name, CASE WHEN p.partmethod = 'h' THEN 'zone' WHEN p.repmodel = 't' THEN 'reference' ELSE 'local' END AS type
       FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid WHERE NOT c.relispartition ORDER BY 1`,
  );

const PLACED = Object.entries(PLACEMENTS)
  .map(([name, type]) => ({ name, type }))
  .toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Citus hides the tables of shards, and not their constraints. */
const CONSTRAINTS = `
  SELECT c.relname || ' ' || o.conname || ' ' || pg_get_constraintdef(o.oid) AS is
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
   WHERE o.contype IN ('f', 'u', 'p') AND o.conparentid = 0 AND c.relnamespace = 'public'::regnamespace
   ORDER BY 1`;

const TRIGGERS = `
  SELECT pg_get_triggerdef(t.oid) AS is FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
   WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND t.tgname NOT LIKE 'truncate_trigger_%' ORDER BY 1`;

/** Milliseconds: thousands of tables are made for each database, on three servers of one machine. */
const LONG = 1_200_000;

describe.skipIf(CITUS_URL === undefined)(`migrate --distribute ${ON_CITUS}`, () => {
  test(
    'leaves a database that can be used, and distributed, wherever it is killed',
    async () => {
      const { url, workers } = await migrated();
      await killDistributing(url, async () => (await rows(url, DISTRIBUTING)).length > 0);
      expect(await placements(url)).toEqual([]);
      await killDistributing(url, async () => (await rows(url, END_AT_FUNCTIONS)).length > 0);
      expect(await placements(url)).toEqual(PLACED);
      const { stdout } = await distribute(url);
      expect(stdout).toMatch(/^ran function set \d+\n$/);
      for (const worker of workers) {
        expect(await rows(worker, FUNCTIONS)).toEqual(await rows(url, FUNCTIONS));
      }
      await hasNothingToDo(url);
    },
    LONG,
  );

  // One after the other on one database: to make one that is distributed takes longer than all of this.
  test(
    'distributes a database with what is in it, and keeps it so',
    async () => {
      const { url, workers } = await migrated();
      await step('servers that run', () => refusesWhileServersRun(url));
      await step('what is in it', () => keepsWhatIsInIt(url, workers));
      await step('again', () => hasNothingToDo(url));
      await step('a later version', () => bringsWhatIsNew(url, workers));
      await step('an index of a later version', () => buildsIndexes(url, workers));
      await step('names of zones', () => keepsNamesUnique(url, workers));
      await step('days', () => keepsDays(url, workers));
      await step('a zone that moves', () => movesAndRemovesZone(url));
      if (PG_DUMP.path !== null)
        await step('the way back', () => goesBack(url, PG_DUMP.path ?? ''));
    },
    LONG,
  );

  test(
    'says in a sentence what keeps a database from being distributed, and leaves it as it is',
    async () => {
      const database = await migrated();
      const said = async (url: string) => {
        const { code, stderr, stdout } = await distribute(url);
        expect([code, stdout]).toEqual([3, '']);
        return stderr.trimEnd();
      };
      expect(await said((await createCitusDatabase({ extension: false })).url)).toBe(
        'this database has no extension citus: CREATE EXTENSION citus in it, on the coordinator and on every worker',
      );
      expect(await said((await createCitusDatabase({ workers: false })).url)).toBe(
        `the coordinator has no workers: SELECT citus_add_node('<host>', <port>) for each`,
      );
      expect(await said(String(database.workers[0]))).toBe(
        'DATABASE_URL names a worker, and only the coordinator can distribute: name that one',
      );
      await rows(database.url, 'CREATE TABLE notes (id integer)');
      expect(await said(database.url)).toBe(
        "the table notes is none of Mandate's: move it to another schema, or to another database",
      );
      expect(await placements(database.url)).toEqual([]);
      await rows(database.url, 'DROP TABLE notes');

      const role = `role_${randomUUID().replaceAll('-', '')}`;
      const stranger = new URL(database.url);
      stranger.username = role;
      await rows(database.url, `CREATE ROLE ${role} LOGIN`);
      try {
        expect(await said(stranger.href)).toMatch(
          /^this role does not own the database on the node 127\.0\.0\.1:\d+: ALTER DATABASE … OWNER TO it there$/,
        );
      } finally {
        await rows(database.url, `DROP ROLE ${role}`);
      }
    },
    LONG,
  );
});

const step = async (name: string, act: () => Promise<void>): Promise<void> => {
  try {
    await act();
  } catch (error) {
    throw new Error(`failed: ${name}`, { cause: error });
  }
};

/** Ends the command without warning as soon as something is so, and waits until the database has noticed. */
async function killDistributing(url: string, when: () => Promise<boolean>): Promise<void> {
  const { child, ended } = startCli(['migrate', '--distribute'], { DATABASE_URL: url });
  await until(when);
  child.kill('SIGKILL');
  expect((await ended).code).not.toBe(0);
  await until(async () => (await rows(url, AT_WORK)).length === 0);
}

const OURS = `FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'mandate schema'`;
const AT_WORK = `SELECT 1 ${OURS}`;
/** Some tables are placed then, and others are not. */
const DISTRIBUTING = `${AT_WORK} AND query ~ 'create_distributed_table.*delegation'`;
/** What replaces functions is ended by the server, so that it has not done so when it is seen. */
const END_AT_FUNCTIONS = `SELECT pg_terminate_backend(pid) ${OURS} AND query ~ 'CREATE OR REPLACE FUNCTION'`;

/** Leaves two zones that have issued. */
async function refusesWhileServersRun(url: string): Promise<void> {
  const replica = await startReplica({ databaseUrl: url });
  const zones = [await createTestZone(replica), await createTestZone(replica)];
  for (const zone of zones) expect((await zone.session()).status).toBe(200);
  const { code, stderr } = await distribute(url);
  expect([code, stderr.replace(/\d+/, 'N').replace(/"mandate [a-z ]+"/, '"…"')]).toEqual([
    3,
    'servers use this database (N connections, such as "…"): stop them all, of whatever version, and start them when it is distributed\n',
  ]);
  expect(await placements(url)).toEqual([]);
  await replica.stop();
}

async function keepsWhatIsInIt(url: string, workers: readonly string[]): Promise<void> {
  const before = await contentsOf(url);
  expect(before['zones']).toMatch(/^2 /);
  const constraints = await rows(url, CONSTRAINTS);
  const triggers = await rows(url, TRIGGERS);
  const { stdout, stderr } = await distribute(url);
  expect([stdout, stderr]).toEqual(['ran settings of nodes\nran distribution\n', '']);
  expect(await placements(url)).toEqual(PLACED);
  expect(await contentsOf(url)).toEqual(before);
  expect(await rows(url, CONSTRAINTS)).toEqual(constraints);
  expect(await rows(url, TRIGGERS)).toEqual(triggers);
  const [left] = await rows(url, LEFT_ON_COORDINATOR);
  expect(left).toEqual({ bytes: 0 });
  for (const worker of workers) {
    expect(await rows(worker, FUNCTIONS)).toEqual(await rows(url, FUNCTIONS));
    expect(await rows(worker, 'SHOW citus.enable_unsafe_triggers')).toEqual([
      { 'citus.enable_unsafe_triggers': 'on' },
    ]);
  }
}

/** Bytes of rows that are on workers now. */
const LEFT_ON_COORDINATOR = `
  SELECT sum(pg_relation_size(c.oid))::int AS bytes FROM pg_class c JOIN pg_dist_partition p ON p.logicalrelid = c.oid
   WHERE c.relkind = 'r' AND (p.partmethod = 'h' OR p.repmodel = 't')`;

const FUNCTIONS = `SELECT p.oid::regprocedure::text AS name FROM pg_proc p
  WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1`;

async function hasNothingToDo(url: string): Promise<void> {
  expect((await distribute(url)).stdout).toBe('nothing to do\n');
  expect((await runCli(['migrate'], { DATABASE_URL: url })).stdout).toBe('nothing to do\n');
}

/** Takes the last migration that made a table back, and a function of the set. */
async function bringsWhatIsNew(url: string, workers: readonly string[]): Promise<void> {
  await rows(url, 'DROP TABLE access_uses, access_analyses');
  await rows(url, `DELETE FROM schema_migrations WHERE name LIKE 'AccessAnalyses%'`);
  await rows(url, 'UPDATE schema_functions SET version = version - 1');
  await rows(url, OTHER_FUNCTION);
  const woken = `SELECT prosrc ~ 'pg_notify' AS wakes FROM pg_proc WHERE proname = 'wake_job'`;
  for (const node of [url, ...workers]) expect(await rows(node, woken)).toEqual([{ wakes: false }]);
  const { stdout } = await runCli(['migrate'], { DATABASE_URL: url });
  expect(stdout).toMatch(/^ran AccessAnalyses\d+\nran function set \d+\n$/);
  expect(await placements(url)).toEqual(PLACED);
  for (const node of [url, ...workers]) expect(await rows(node, woken)).toEqual([{ wakes: true }]);
}

/** Has an index be missing that a migration only declares, as it is of a large table. */
async function buildsIndexes(url: string, workers: readonly string[]): Promise<void> {
  const index = 'audit_events_by_label';
  const [as] = await rows<{ declared: string }>(
    url,
    `SELECT pg_get_indexdef('${index}'::regclass) AS declared`,
  );
  expect(as?.declared).toContain(' ON ONLY ');
  await rows(url, `DROP INDEX ${index}`);
  await rows(url, String(as?.declared));
  expect(await rows(url, UNFINISHED)).toEqual([{ name: index }]);
  const { stdout } = await runCli(['migrate'], { DATABASE_URL: url });
  expect(stdout).toBe(`ran index ${index}\n`);
  for (const node of [url, ...workers]) expect(await rows(node, UNFINISHED)).toEqual([]);
}

const UNFINISHED = `SELECT c.relname AS name FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
  WHERE NOT (x.indisvalid AND x.indisready) ORDER BY 1`;

const OTHER_FUNCTION =
  'CREATE OR REPLACE FUNCTION wake_job(p_name text) RETURNS void LANGUAGE sql AS $$ SELECT $$';

async function keepsNamesUnique(url: string, workers: readonly string[]): Promise<void> {
  const [one, another] = [randomUUID(), randomUUID()];
  const list = 'INSERT INTO zone_directory (zone_id, name) VALUES ($1, $2)';
  await rows(url, list, [one, 'a name']);
  for (const node of [url, ...workers]) {
    await expect(rows(node, list, [another, 'a name'])).rejects.toThrow(
      /unique constraint "zones_name_key_\d+"/,
    );
  }
  await expect(rows(url, ADD_ZONE, [another, false])).rejects.toThrow(
    /foreign key constraint "zones_id_fkey_\d+"/,
  );
}

const LIST_ZONE = 'INSERT INTO zone_directory (zone_id, name) VALUES ($1::uuid, $1::text)';
const ADD_ZONE = `INSERT INTO zones (id, name, sealed_digest_key, legal_hold)
  VALUES ($1::uuid, $1::text, '', $2)`;

async function keepsDays(url: string, workers: readonly string[]): Promise<void> {
  const [keeping, other] = [randomUUID(), randomUUID()];
  await rows(url, LIST_ZONE, [keeping]);
  await rows(url, LIST_ZONE, [other]);
  await rows(url, ADD_ZONE, [keeping, true]);
  await rows(url, ADD_ZONE, [other, false]);
  await withClient(url, async (client) => {
    const ask = async (text: string, values: unknown[] = []) =>
      (await client.query<Record<string, unknown>>(text, values)).rows;
    await ask(OLD_EVENTS, [[keeping, other]]);
    await ask('SELECT ledger_maintain(8)');
    for (const worker of workers) {
      expect(await rows(worker, NEWEST_DAY)).toEqual([{ there: true }]);
    }

    // They lie where days are that have no table.
    expect(await tablesToClear(client)).toContain('audit_events');
    await ask(`SELECT ledger_clear_default_partition('audit_events')`);
    expect(await ask('SELECT 1 FROM audit_events_default')).toEqual([]);
    expect(await ask('SELECT held_zones AS held FROM audit_days_due(3)')).toEqual([{ held: 1 }]);
    const [due] = await ask('SELECT day::text FROM audit_days_due(3)');
    const [day] = await ask('SELECT audit_drop_day($1)::int AS runs', [due?.['day']]);
    expect(day).toEqual({ runs: 2 });
    expect(await ask('SELECT held_zones AS held FROM audit_days_due(3)')).toEqual([]);
    const events = 'SELECT count(*)::int AS n FROM audit_events WHERE zone_id = $1';
    expect(await ask(events, [keeping])).toEqual([{ n: 4 }]);
    expect(await ask(events, [other])).toEqual([{ n: 0 }]);
    expect(await ask(HEADS, [[keeping, other]])).toEqual([
      { zone_id: other, a: 1, z: 3 },
      { zone_id: other, a: 7, z: 7 },
    ]);

    await ask(`SELECT set_config('mandate.keep_ended', '2', false)`);
    await ask(OLD_DAY);
    expect(await ask('SELECT name FROM ledger_days_due()')).toEqual([{ name: 'sessions' }]);
    await ask('SELECT ledger_maintain(8)');
    expect(await ask('SELECT name FROM ledger_days_due()')).toEqual([]);
  });
}

/** Events of nine days ago, in two runs of one chain for each zone. */
const OLD_EVENTS = `
  INSERT INTO audit_events
    (zone_id, id, occurred_at, writer, seq, request_id, type, outcome, previous_hash, hash, event)
  SELECT z, (left(uuid_from_time(now() - interval '9 days')::text, 24) || lpad(i::text, 12, '0'))::uuid, now(), z, i,
         'r', 't', 'issued', '', '', '{}'
    FROM unnest($1::uuid[]) AS z, unnest(ARRAY[1, 2, 3, 7]) AS i`;
const HEADS = `SELECT zone_id, first_seq::int AS a, last_seq::int AS z FROM audit_heads
  WHERE zone_id = ANY ($1) ORDER BY 2`;
const NEWEST_DAY = `
  SELECT to_regclass('sessions_' || to_char((now() AT TIME ZONE 'UTC')::date + 8, 'YYYYMMDD')) IS NOT NULL AS there`;
const OLD_DAY = `
  SELECT ledger_make_day('sessions', ledger_day_begins('id', d), ledger_day_begins('id', d + 1), 'sessions_' || to_char(d, 'YYYYMMDD'))
    FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 9 AS d) AS old`;

/** Moves the shards of a zone to another worker, then removes it. */
async function movesAndRemovesZone(url: string): Promise<void> {
  const zone = randomUUID();
  await rows(url, LIST_ZONE, [zone]);
  await rows(url, ADD_ZONE, [zone, false]);
  await rows(url, `INSERT INTO policies (zone_id, id, name) VALUES ($1, $1, 'a policy')`, [zone]);
  const [from, to] = [await placesOf(url, zone), await otherNodes(url, zone)];
  expect([from.length, to.length]).toEqual([1, 1]);
  await rows(url, MOVE, [zone, from[0]?.node, to[0]?.node]);
  expect(await placesOf(url, zone)).toEqual(to);
  const found = 'SELECT name FROM policies WHERE zone_id = $1';
  expect(await rows(url, found, [zone])).toEqual([{ name: 'a policy' }]);

  // What it left where it was refers to its name until Citus has cleared that, which it does now and then.
  await rows(url, 'CALL citus_cleanup_orphaned_resources()');
  await rows(url, 'DELETE FROM zones WHERE id = $1', [zone]);
  await rows(url, 'DELETE FROM zone_directory WHERE zone_id = $1', [zone]);
  for (const table of ['policies', 'scopes']) {
    expect(await rows(url, `SELECT 1 FROM ${table} WHERE zone_id = $1`, [zone])).toEqual([]);
  }
}

/** Where the rows of a zone are, of all tables. */
const placesOf = (url: string, zone: string) =>
  rows<{ node: number }>(
    url,
    `SELECT DISTINCT n.nodeid AS node FROM pg_dist_partition d
       JOIN pg_dist_placement p ON p.shardid = get_shard_id_for_distribution_column(d.logicalrelid, $1::uuid)
       JOIN pg_dist_node n USING (groupid) WHERE d.partmethod = 'h'`,
    [zone],
  );
const otherNodes = (url: string, zone: string) =>
  rows<{ node: number }>(
    url,
    `SELECT nodeid AS node FROM pg_dist_node n WHERE n.shouldhaveshards AND NOT EXISTS (
       SELECT FROM pg_dist_placement p WHERE p.groupid = n.groupid
          AND p.shardid = get_shard_id_for_distribution_column('zones', $1::uuid)) LIMIT 1`,
    [zone],
  );
const MOVE = `
  SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('zones', $1::uuid), $2::int, $3::int, 'block_writes')`;

/** Goes back to one server, as docs/scaling.md has it. */
async function goesBack(url: string, pgDump: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mandate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [dump, list] = [join(folder, 'dump'), join(folder, 'list')];
  const pgRestore = join(dirname(pgDump), 'pg_restore');
  await run(pgDump, ['--format=custom', `--file=${dump}`, url]);
  const { stdout } = await run(pgRestore, ['--list', dump]);
  const lines = stdout.split('\n').filter((line) => !/EXTENSION.* citus/.test(line));
  expect(lines.length).toBe(stdout.split('\n').length - 4);
  await writeFile(list, lines.join('\n'));
  const plain = (await createCitusDatabase({ extension: false })).url;
  await run(pgRestore, [`--dbname=${plain}`, `--use-list=${list}`, dump]);
  expect(await contentsOf(plain)).toEqual(await contentsOf(url));
  const page = await readFile(new URL('../../docs/scaling.md', import.meta.url), 'utf8');
  const statements = /```sql\n(.*?)```/s.exec(page)?.[1] ?? '';
  for (const statement of statements.split('\n').filter((line) => line !== '')) {
    await rows(plain, statement);
  }
  expect((await runCli(['migrate'], { DATABASE_URL: plain })).stdout).toBe('nothing to do\n');
  const [next] = await rows(
    plain,
    `SELECT nextval('versions') > (SELECT max(settings_version) FROM zones) AS above`,
  );
  expect(next).toEqual({ above: true });
}
