import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { buildIndexes } from '../../src/schema/index-builds.js';
import { migrate } from '../../src/schema/migrate.js';
import {
  ADMIN_TOKEN,
  createDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplicaForTest,
  withClient,
} from '../setup/harness.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { killProcesses, startProcess, until, type ServerProcess } from '../setup/process.js';
import { startLoad } from '../setup/load.js';
import { createTestZone } from '../setup/zone.js';

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));

afterAll(killProcesses);

/** Takes the database back to where these indexes, and what came with them, were not there. */
const BEFORE = `
  ALTER TABLE audit_events DROP COLUMN request_label;
  DROP INDEX agent_sessions_open_by_client, challenges_by_client, sessions_open_by_issuer;
  DROP TABLE removals;
  ALTER TABLE clients DROP COLUMN removed_at CASCADE;
  ALTER TABLE zones DROP COLUMN removed_at CASCADE;
  DELETE FROM schema_migrations WHERE name ~ '^(RequestLabels|AgentSessionLimits|Removals)'`;

const DECLARED = [
  'agent_sessions_open_by_client',
  'audit_events_by_label',
  'challenges_by_client',
  'sessions_open_by_issuer',
];

/** Events of today, and one in the default partition, of a log that is small and has something in it. */
const EVENTS = `
  INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, type, outcome, previous_hash, hash, event)
  SELECT gen_random_uuid(), uuid_from_time(now() + (CASE n WHEN 1 THEN 40 ELSE 0 END) * interval '1 day'), now(),
         gen_random_uuid(), n, n::text, 'test', 'issued', '', '', '{}'
    FROM generate_series(1, 2000) AS n`;

/** What is true of an old snapshot: it is there, and no table is locked. */
const OLD_SNAPSHOT: Statement = [
  `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM schema_functions`,
  [],
];

const patience = () => new StartPatience(60, () => {});

/** A database with a log, on which the migrations have run that declare the indexes. */
async function databaseWithDeclaredIndexes(): Promise<string> {
  const databaseUrl = await createDatabase();
  await rows(databaseUrl, BEFORE);
  await rows(databaseUrl, EVENTS);
  expect(await migrate(databaseUrl, patience())).toEqual([
    expect.stringMatching(/^AgentSessionLimits/),
    expect.stringMatching(/^RequestLabels/),
    expect.stringMatching(/^Removals/),
  ]);
  expect(await validOf(databaseUrl)).toEqual([]);
  return databaseUrl;
}

/** Those of the declared indexes that are whole. */
async function validOf(databaseUrl: string): Promise<string[]> {
  const found = await rows<{ name: string }>(
    databaseUrl,
    `SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
      WHERE i.relname = ANY($1) AND x.indisvalid ORDER BY 1`,
    [DECLARED],
  );
  return found.map(({ name }) => name);
}

/** Every partition has every index of its table, once and whole, and no other. */
async function expectWhole(databaseUrl: string): Promise<void> {
  expect(await validOf(databaseUrl)).toEqual(DECLARED);
  const odd = await rows(
    databaseUrl,
    `SELECT p.relname, count(x.*)::int AS has, count(*) FILTER (WHERE NOT x.indisvalid)::int AS broken,
            (SELECT count(*)::int FROM pg_index y WHERE y.indrelid = h.inhparent) AS lacks
       FROM tables_by_day d JOIN pg_inherits h ON h.inhparent = to_regclass(d.name)
       JOIN pg_class p ON p.oid = h.inhrelid LEFT JOIN pg_index x ON x.indrelid = p.oid
      GROUP BY p.relname, h.inhparent
     HAVING count(x.*) <> (SELECT count(*) FROM pg_index y WHERE y.indrelid = h.inhparent) OR bool_or(NOT x.indisvalid)`,
  );
  expect(odd).toEqual([]);
}

/** The processes of the server that build an index and wait for an old snapshot. */
const waitingBuilds = (databaseUrl: string) =>
  rows<{ pid: number; partition: string }>(
    databaseUrl,
    `SELECT pid, relid::regclass::text AS partition FROM pg_stat_progress_create_index
      WHERE datname = current_database() AND phase = 'waiting for old snapshots'`,
  );

const untilWaiting = (databaseUrl: string) =>
  until(async () => (await waitingBuilds(databaseUrl))[0] ?? null);

/** Waits until a statement that begins so waits for a lock, and returns its process. */
function untilLocked(databaseUrl: string, statement: string): Promise<number> {
  return until(async () => {
    const [found] = await rows<{ pid: number }>(
      databaseUrl,
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
          AND query LIKE $1 || '%'`,
      [statement],
    );
    return found?.pid ?? null;
  });
}

const build = (databaseUrl: string, said: string[] = []) =>
  buildIndexes(databaseUrl, {
    connectMs: 10_000,
    sayEveryMs: 20,
    say: (message) => said.push(message),
  });

const runMigrate = (databaseUrl: string): ServerProcess =>
  startProcess({ DATABASE_URL: databaseUrl, KEY_ENCRYPTION_KEY, ADMIN_TOKEN }, '/tmp', [
    process.execPath,
    CLI,
    'migrate',
  ]);

test('a replica is ready and issues while an index is being built, and others write to the table', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  await whileOpen(databaseUrl, OLD_SNAPSHOT, async () => {
    const replica = await startReplicaForTest({ databaseUrl });
    const zone = await createTestZone(replica);
    const { pid } = await untilWaiting(databaseUrl);
    expect((await fetch(`${replica.url}/ready`)).status).toBe(200);
    const load = startLoad(zone, () => replica.url, 2);
    await load.more(20);
    await load.stop();
    await rows(databaseUrl, `SET lock_timeout = '20s'; ${EVENTS}`);
    // It was the same build all the time.
    expect(await waitingBuilds(databaseUrl)).toMatchObject([{ pid }]);
    expect(await validOf(databaseUrl)).toEqual([]);
  });
  await until(async () => (await validOf(databaseUrl)).length === DECLARED.length);
  await expectWhole(databaseUrl);
});

test('a build says what it waits for, and what is left', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  const said: string[] = [];
  const { building } = await whileOpen(databaseUrl, OLD_SNAPSHOT, async (holder) => {
    await holder.query(`SET application_name = 'a long report'`);
    const started = build(databaseUrl, said);
    const waits =
      /^index agent_sessions_open_by_client: building on agent_sessions_\d{8}, \d+ to go \(waiting for old snapshots.*\), waits for process \d+ \(a long report\)$/;
    await expect.poll(() => said.some((line) => waits.test(line))).toBe(true);
    return { building: started };
  });
  expect(await building).toEqual({ outcome: 'whole', built: DECLARED });
  expect(await build(databaseUrl)).toEqual({ outcome: 'whole', built: [] });
});

test('a build that is killed leaves a broken index, which the next one drops and builds again', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  const partition = await whileOpen(databaseUrl, OLD_SNAPSHOT, async () => {
    const refused = expect(build(databaseUrl)).rejects.toThrow(/terminat/);
    const waiting = await untilWaiting(databaseUrl);
    await rows(databaseUrl, 'SELECT pg_terminate_backend($1::int)', [waiting.pid]);
    await refused;
    return waiting.partition;
  });
  const broken = 'SELECT FROM pg_index WHERE indrelid = $1::regclass AND NOT indisvalid';
  expect(await rows(databaseUrl, broken, [partition])).toHaveLength(1);

  // The drop waits for whoever uses the table, and is killed as well.
  await whileOpen(databaseUrl, [`LOCK TABLE ${partition} IN ROW EXCLUSIVE MODE`, []], async () => {
    const refused = expect(build(databaseUrl)).rejects.toThrow(/terminat/);
    const pid = await untilLocked(databaseUrl, 'DROP INDEX CONCURRENTLY');
    await rows(databaseUrl, 'SELECT pg_terminate_backend($1::int)', [pid]);
    await refused;
  });
  expect(await build(databaseUrl)).toMatchObject({ outcome: 'whole' });
  await expectWhole(databaseUrl);
});

test('an index that was built and not attached is attached as it is', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  const name = 'agent_sessions_default_open_by_client';
  await rows(
    databaseUrl,
    `CREATE INDEX ${name} ON agent_sessions_default (zone_id, client_id, expires_at) WHERE ended_at IS NULL`,
  );
  const [made] = await rows(databaseUrl, 'SELECT $1::regclass::oid', [name]);
  const reading: Statement = ['SELECT FROM agent_sessions_default', []];
  await whileOpen(databaseUrl, reading, async () => {
    const refused = expect(build(databaseUrl)).rejects.toThrow(/terminat/);
    const pid = await untilLocked(databaseUrl, 'ALTER INDEX');
    await rows(databaseUrl, 'SELECT pg_terminate_backend($1::int)', [pid]);
    await refused;
  });
  expect(await build(databaseUrl)).toMatchObject({ outcome: 'whole' });
  await expectWhole(databaseUrl);
  expect(await rows(databaseUrl, 'SELECT $1::regclass::oid', [name])).toEqual([made]);
});

test('a day that is dropped before its turn has come is left out', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  const [first] = await rows<{ name: string }>(
    databaseUrl,
    `SELECT min(inhrelid::regclass::text) AS name FROM pg_inherits WHERE inhparent = 'agent_sessions'::regclass
        AND inhrelid::regclass::text <> 'agent_sessions_default'`,
  );
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${first?.name} IN ACCESS EXCLUSIVE MODE`);
    const building = build(databaseUrl);
    await untilLocked(databaseUrl, 'CREATE INDEX CONCURRENTLY');
    await client.query(`DROP TABLE ${first?.name}`);
    await client.query('COMMIT');
    expect(await building).toMatchObject({ outcome: 'whole' });
  });
  await expectWhole(databaseUrl);
});

test('of two that migrate, one builds, and the other goes on when that one is killed', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  const second = await whileOpen(databaseUrl, OLD_SNAPSHOT, async () => {
    const first = runMigrate(databaseUrl);
    await untilWaiting(databaseUrl);
    const other = runMigrate(databaseUrl);
    await other.says(/another process builds the indexes/);
    first.kill('SIGKILL');
    await first.ended;
    // The server has not noticed, and goes on with what it was told.
    expect(await waitingBuilds(databaseUrl)).toHaveLength(1);
    return other;
  });
  expect(await second.ended).toMatchObject({ code: 0 });
  expect(second.output()).toContain('ran index ');
  await expectWhole(databaseUrl);
});

test('a start that waits for another migration keeps no index from being built', async () => {
  const databaseUrl = await databaseWithDeclaredIndexes();
  // As text: the portal of a statement with parameters would keep its snapshot.
  const migratesElsewhere: Statement = ['SELECT pg_advisory_xact_lock(30784981394060389)', []];
  const { migrating } = await whileOpen(databaseUrl, migratesElsewhere, async () => {
    const started = migrate(databaseUrl, patience());
    const asking = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND query LIKE '%advisory_lock%' AND application_name = 'mandate schema'`;
    await until(async () => (await rows(databaseUrl, asking)).length > 0);
    expect(await build(databaseUrl)).toMatchObject({ outcome: 'whole' });
    return { migrating: started };
  });
  expect(await migrating).toEqual([]);
});
