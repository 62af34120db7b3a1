import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { FUNCTION_SET } from '../../src/platform/database/function-set.js';
import { buildIndexes } from '../../src/schema/index-builds.js';
import { migrate } from '../../src/schema/migrate.js';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { verifyChains } from '../setup/chain.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import {
  ADMIN_TOKEN,
  auditOf,
  createEmptyDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { startLoad } from '../setup/load.js';
import { whileOpen } from '../setup/locks.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { exchangeAs } from '../setup/services.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import { editedVersion, versionOf, type Version } from '../setup/versions.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));

/** The commit to upgrade from: the one that an issue began with. */
const UPGRADE_FROM = process.env['UPGRADE_FROM'];

afterAll(killProcesses);

const storedSets = (databaseUrl: string) =>
  rows<{ version: number; sha256: string; applied_at: Date }>(
    databaseUrl,
    'SELECT version, sha256, applied_at FROM schema_functions ORDER BY version',
  );

const setStored = (databaseUrl: string, version: number) =>
  rows(databaseUrl, 'UPDATE schema_functions SET version = $1', [version]);

async function readiness({ url }: Replica): Promise<{ status: number; migrations: unknown }> {
  const response = await fetch(`${url}/ready`);
  const body = (await response.json()) as { details: Record<string, unknown> };
  return { status: response.status, migrations: body.details['migrations'] };
}

/** Two versions on one database. */
interface Pair {
  readonly older: Replica;
  readonly newer: Replica;
  readonly zone: TestZone;
}

const ask = ({ url }: Replica, zone: TestZone, parameters: Parameters): Promise<Answer> =>
  persistently(() =>
    postForm(url, {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_secret: zone.secret,
      resource: zone.resource,
      scope: 'a:read',
      ...parameters,
    }),
  );

/** What one version began, the other goes on with; both record it. */
async function expectBothToIssue({ older, newer, zone }: Pair): Promise<Answer[]> {
  const issued: Answer[] = [];
  for (const [first, second] of [
    [older, newer],
    [newer, older],
  ] as const) {
    const session = await ask(first, zone, {});
    expect(session).toMatchObject({ status: 200 });
    const exchanged = await ask(second, zone, {
      grant_type: TOKEN_EXCHANGE,
      subject_token: String(session.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
    });
    expect(exchanged).toMatchObject({ status: 200 });
    const held = heldIn(await ask(first, zone, { scope: 'a:write' }));
    const decided = await persistently(() =>
      callAdmin(first, 'POST', `/zones/${zone.zoneId}/challenges/${held.id}/decision`, {
        decision: 'approved',
        reason: 'looks right',
      }),
    );
    expect(decided).toMatchObject({ status: 200, body: { state: 'approved' } });
    const redeemed = await ask(second, zone, { scope: 'a:write', ...held.response });
    expect(redeemed).toMatchObject({ status: 200 });
    issued.push(session, exchanged, redeemed);
  }
  for (const { requestId } of issued) {
    expect(await auditOf(zone.replica.databaseUrl, requestId)).toMatchObject([
      { outcome: 'issued' },
    ]);
  }
  return issued;
}

/** What either version changes of a client counts at the other in the very next request. */
async function expectClientsToBeCurrent({ older, newer, zone }: Pair): Promise<void> {
  const clients = `/zones/${zone.zoneId}/clients`;
  const made = await persistently(() =>
    callAdmin(newer, 'POST', clients, { name: `client ${randomUUID()}` }),
  );
  const [clientId, secret] = [String(made.body['client_id']), String(made.body['client_secret'])];
  const path = `${clients}/${clientId}`;
  const askAs = (replica: Replica) =>
    persistently(() => ask(replica, zone, { client_id: clientId, client_secret: secret }));
  for (const [changing, asked] of [
    [older, newer],
    [newer, older],
    [newer, newer],
  ] as const) {
    for (const disabled of [true, false]) {
      const changed = await persistently(() => callAdmin(changing, 'PATCH', path, { disabled }));
      expect(changed).toMatchObject({ status: 200 });
      expect(await askAs(asked)).toMatchObject({ status: disabled ? 401 : 200 });
    }
  }
}

/** What the newer version sets of a client and a zone stays when the older one changes something else of them. */
async function expectDefaultsToStay({ older, newer, zone }: Pair): Promise<void> {
  const at = `/zones/${zone.zoneId}`;
  const client = `${at}/clients/${zone.clientId}`;
  const change = async (replica: Replica, path: string, body: object) =>
    expect(await persistently(() => callAdmin(replica, 'PATCH', path, body))).toMatchObject({
      status: 200,
    });
  const target = async () => {
    const answer = await persistently(() => ask(newer, zone, { resource: undefined }));
    return answer.body['target_resources'];
  };
  await change(newer, at, { default_resources: [zone.resource] });
  await change(older, at, { name: `zone ${randomUUID()}` });
  expect(await target()).toEqual([zone.resource]);
  const own = [zone.resource, zone.otherResource];
  await change(newer, client, { default_resources: own });
  await change(older, client, { labels: [randomUUID()] });
  const shown = await persistently(() => callAdmin(newer, 'GET', client));
  expect(shown.body).toMatchObject({ default_resources: own });
  for (const path of [at, client]) await change(newer, path, { default_resources: null });
}

/** What a workload was given by the newer version the older one passes on, and either ends it for both. */
async function expectWorkloads({ older, newer, zone }: Pair): Promise<void> {
  const at = { ...zone, admin: adminAt(newer, zone) };
  const made = await at.admin('POST', '/clients', { name: randomUUID() });
  const service = { clientId: String(made['id']), secret: String(made['client_secret']) };
  const resource = `resource://${randomUUID()}`;
  await at.admin('POST', '/resources', {
    identifier: resource,
    scopes: ['a:read'],
    owner_client_id: service.clientId,
  });
  const passOn = (replica: Replica, text: string) =>
    persistently(() =>
      exchangeAs(service, replica.url, text, { resource: zone.resource, scope: 'a:read' }),
    );
  for (const ending of [older, newer]) {
    const issuer = await newWorkloadIssuer(at);
    const federated_identities = [{ issuer: issuer.name, subject: 'job' }];
    await at.admin('POST', '/clients', { name: randomUUID(), federated_identities });
    const text = await issuer.token('job');
    const request = workloadRequest(text, { audience: resource });
    const work = () => persistently(() => postToZone(newer.url, zone.zoneId, request));
    const granted = await work();
    expect(granted).toMatchObject({ status: 200 });
    const mandate = String(granted.body['access_token']);
    for (const replica of [older, newer]) {
      expect(await passOn(replica, mandate)).toMatchObject({ status: 200 });
    }
    await adminAt(ending, zone)('DELETE', `/issuers/${issuer.id}`);
    for (const replica of [older, newer]) {
      expect(await passOn(replica, mandate)).toMatchObject({ status: 400 });
    }
    expect(await work()).toMatchObject({ status: 400 });
  }
}

/** Operators' routes of a zone at one of the two. */
const adminAt =
  (replica: Replica, { zoneId }: TestZone): TestZone['admin'] =>
  async (method, path, body) => {
    const answer = await persistently(() =>
      callAdmin(replica, method, `/zones/${zoneId}${path}`, body),
    );
    expect(answer.status).toBeLessThan(300);
    return answer.body;
  };

/** What either version registers, both can read; keys that operators make with either are not marked. */
async function expectUnmarkedKeys({ older, newer, zone }: Pair): Promise<void> {
  const path = `/zones/${zone.zoneId}/authenticators`;
  const marks = [];
  for (const replica of [older, newer]) {
    const body = { subject: randomUUID(), kind: 'totp' };
    expect(await callAdmin(replica, 'POST', path, body)).toMatchObject({ status: 201 });
    const query = `${path}?subject=${body.subject}`;
    expect((await callAdmin(older, 'GET', query)).body['items']).toHaveLength(1);
    const [seen] = (await callAdmin(newer, 'GET', query)).body['items'] as object[];
    marks.push({ ...seen });
    const invited = await callAdmin(replica, 'POST', `${path}/enrolments`, {
      subject: body.subject,
    });
    expect(invited).toMatchObject({ status: 201 });
  }
  expect(marks).toMatchObject([
    { key_known_to_log_readers: false },
    { key_known_to_log_readers: false },
  ]);
}

/** Both take turns in the graph of a zone: of two delegations that make a circle together, each sees the other's. */
async function expectNoCircle({ older, newer, zone }: Pair): Promise<void> {
  const app = await applicationOf(zone, zone);
  const resource = [zone.resource, zone.otherResource];
  const token = tokenOf(await ask(newer, zone, { resource, scope: 'shared' }));
  const open = async () => {
    const options = { token, url: newer.url };
    const opened = await app.call('POST', '/agent-sessions', { lifecycle: 'task' }, options);
    return String(opened.body['id']);
  };
  const { databaseUrl } = zone.replica;
  const lock = 'SELECT 1 FROM delegation_graphs WHERE zone_id = $1 FOR UPDATE';
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  for (const [first, second] of [
    [older, newer],
    [newer, older],
  ] as const) {
    const [a, b] = [await open(), await open()];
    const delegate = ({ url }: Replica, source: string, target: string) =>
      app.call(
        'POST',
        '/delegations',
        { source_session_id: source, target_session_id: target, scopes: ['shared'] },
        { token, url },
      );
    const asked = await whileOpen(databaseUrl, [lock, [zone.zoneId]], async () => {
      const one = delegate(first, a, b);
      await until(async () => (await rows(databaseUrl, waiting)).length === 1);
      const other = delegate(second, b, a);
      await until(async () => (await rows(databaseUrl, waiting)).length === 2);
      return [one, other];
    });
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([201, 400]);
  }
}

/** What one version changes in a graph, the other honours at once, also where it remembers what was there. */
async function expectRevocations({ older, newer, zone }: Pair): Promise<void> {
  const app = await applicationOf(zone, zone);
  const resource = [zone.resource, zone.otherResource];
  const token = tokenOf(await ask(newer, zone, { resource, scope: 'shared' }));
  for (const [first, second] of [
    [older, newer],
    [newer, older],
  ] as const) {
    const change = async (method: string, path: string, body?: object) => {
      const answer = await app.call(method, path, body, { token, url: first.url });
      expect(answer.status).toBeLessThan(300);
      return String(answer.body['id']);
    };
    const open = () => change('POST', '/agent-sessions', { lifecycle: 'task' });
    const [source, target] = [await open(), await open()];
    const edge = await change('POST', '/delegations', {
      source_session_id: source,
      target_session_id: target,
      scopes: ['shared'],
    });
    const use = () =>
      ask(second, zone, {
        grant_type: TOKEN_EXCHANGE,
        subject_token: token,
        subject_token_type: ACCESS_TOKEN,
        scope: undefined,
        agent_session_id: target,
        delegation_edge_id: edge,
      });
    for (let time = 0; time < 3; time += 1) expect(await use()).toMatchObject({ status: 200 });
    await change('DELETE', `/delegations/${edge}`);
    expect(await use()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  }
}

/** As {@link expectBothToIssue}, while an index is built anew and cannot get on because of an old snapshot. */
async function expectToIssueWhileIndexesAreBuilt(pair: Pair): Promise<void> {
  const { databaseUrl } = pair.zone.replica;
  const index = 'audit_events_by_label';
  const build = () => buildIndexes(databaseUrl, { connectMs: 10_000, say: () => {} });
  const [found] = await rows<{ definition: string }>(
    databaseUrl,
    'SELECT pg_get_indexdef($1::regclass) AS definition',
    [index],
  );
  const { building } = await whileOpen(databaseUrl, SNAPSHOT, async () => {
    await rows(databaseUrl, `DROP INDEX ${index}`);
    await rows(databaseUrl, String(found?.definition));
    // The newer version may be at it still since its start: who builds does not matter.
    const started = build();
    const waiting = `SELECT FROM pg_stat_progress_create_index WHERE phase = 'waiting for old snapshots'
      AND datname = current_database()`;
    await expect.poll(() => rows(databaseUrl, waiting)).toHaveLength(1);
    await expectBothToIssue(pair);
    expect(await rows(databaseUrl, waiting)).toHaveLength(1);
    return { building: started };
  });
  await building;
  await until(async () => (await build()).outcome === 'whole');
}

const SNAPSHOT = [
  'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM schema_functions',
  [],
] as const;

/**
 * Replaces one version by another as a rolling update does, and goes halfway back: the newer starts
 * beside the older, then the older starts again. There are requests all the time.
 *
 * @param main the `main.js` of either; that of today if absent
 * @param meanwhile run with both, once after the newer has started and once after the older has again
 */
async function rollingUpdate(
  main: { readonly older?: string; readonly newer?: string },
  meanwhile: (pair: Pair) => Promise<void>,
): Promise<void> {
  const databaseUrl = await createEmptyDatabase();
  const start = (path: string | undefined) =>
    startReplica({ databaseUrl, ...(path === undefined ? {} : { main: path }) });
  const running = new Set<Replica>();
  try {
    let older = await start(main.older);
    running.add(older);
    const zone = await createTestZone(older);
    await zone.activate(APPROVE_WRITES);
    const before = await storedSets(databaseUrl);

    const urls = [older.url];
    let turn = 0;
    const load = startLoad(zone, () => urls[turn++ % urls.length] ?? older.url, 3);
    await load.more(10);
    const newer = await start(main.newer);
    running.add(newer);
    const after = await storedSets(databaseUrl);
    expect(after.length).toBeGreaterThanOrEqual(before.length);
    urls.push(newer.url);
    await load.more(20);
    await meanwhile({ older, newer, zone });

    urls.splice(0, urls.length, newer.url);
    await older.stop();
    running.delete(older);
    older = await start(main.older);
    running.add(older);
    // Neither another set nor the same one again.
    expect(await storedSets(databaseUrl)).toEqual(after);
    urls.push(older.url);
    await load.more(20);
    await meanwhile({ older, newer, zone });

    await load.stop();
    // Busy is an answer while functions are replaced; a wrong one is not.
    expect(load.refusals.filter(({ status }) => status !== 503)).toEqual([]);
    for (const replica of running) expect(await readiness(replica)).toMatchObject({ status: 200 });
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  } finally {
    await Promise.all([...running].map((replica) => replica.stop()));
  }
}

describe('two versions side by side', () => {
  const NEXT = FUNCTION_SET.version + 1;

  test('a set of functions is replaced by a newer one, serves both, and stays', async () => {
    const next = await editedVersion([
      [
        'platform/database/function-set.js',
        `version: ${FUNCTION_SET.version},`,
        `version: ${NEXT},`,
      ],
      // What is committed can be told from what this version would have.
      ['ledger/audit.sql', `'","writer":"'`, `'","set":${NEXT},"writer":"'`],
    ]);
    try {
      await rollingUpdate({ newer: next.main }, async (pair) => {
        const { databaseUrl } = pair.zone.replica;
        const sets = await storedSets(databaseUrl);
        expect(sets.map(({ version }) => version)).toEqual([FUNCTION_SET.version, NEXT]);
        for (const { requestId } of await expectBothToIssue(pair)) {
          expect(await auditOf(databaseUrl, requestId)).toMatchObject([{ event: { set: NEXT } }]);
        }
      });
    } finally {
      await next.remove();
    }
  });

  // From here on each issue shows that its version takes over from the commit before it (CONTRIBUTING.md).
  test.skipIf(UPGRADE_FROM === undefined)(
    'this version takes over from the one of UPGRADE_FROM',
    // Most of it is the build of another version and, where that has other packages, their installation.
    { timeout: 900_000 },
    async () => {
      const before: Version = await versionOf(String(UPGRADE_FROM));
      let rounds = 0;
      try {
        await rollingUpdate({ older: before.main }, async (pair) => {
          const { databaseUrl } = pair.zone.replica;
          const sets = await storedSets(databaseUrl);
          expect(sets.at(-1)).toMatchObject(FUNCTION_SET);
          await expectBothToIssue(pair);
          await expectClientsToBeCurrent(pair);
          await expectDefaultsToStay(pair);
          await expectWorkloads(pair);
          await expectUnmarkedKeys(pair);
          await expectNoCircle(pair);
          await expectRevocations(pair);
          rounds += 1;
          if (rounds === 1) await expectToIssueWhileIndexesAreBuilt(pair);
        });
      } finally {
        await before.remove();
      }
    },
  );
});

describe('the set of functions', () => {
  test('is replaced without keeping others from tables that are in use', async () => {
    const replica = await startReplicaForTest();
    const { databaseUrl } = replica;
    const zone = await createTestZone(replica);
    await setStored(databaseUrl, FUNCTION_SET.version - 1);
    const waiting = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%CREATE OR REPLACE%'`;
    await withClient(databaseUrl, async (writer) => {
      await writer.query('BEGIN');
      // As whoever writes to it has it.
      await writer.query('LOCK TABLE challenges IN ROW EXCLUSIVE MODE');
      const done = migrate(databaseUrl, new StartPatience(60, () => {}));
      await expect.poll(() => rows(databaseUrl, waiting), { interval: 5 }).toHaveLength(1);
      await expect.poll(() => rows(databaseUrl, waiting), { interval: 5 }).toHaveLength(0);
      expect(await zone.session()).toMatchObject({ status: 200 });
      await writer.query('COMMIT');
      expect(await done).toEqual([`function set ${FUNCTION_SET.version}`]);
    });
    expect(await migrate(databaseUrl, new StartPatience(60, () => {}))).toEqual([]);
  });

  test('is made again from an edited text under the same number', async () => {
    const databaseUrl = await createEmptyDatabase();
    await migrate(databaseUrl, new StartPatience(60, () => {}));
    const [made] = await storedSets(databaseUrl);
    await rows(databaseUrl, `UPDATE schema_functions SET sha256 = 'of another text'`);
    expect(await migrate(databaseUrl, new StartPatience(60, () => {}))).toEqual([
      `function set ${FUNCTION_SET.version}`,
    ]);
    expect(await storedSets(databaseUrl)).toMatchObject([
      { version: FUNCTION_SET.version, sha256: made?.sha256 },
    ]);
  });

  test('has partitions for the coming days from the first moment', async () => {
    const databaseUrl = await createEmptyDatabase();
    await migrate(databaseUrl, new StartPatience(60, () => {}));
    const [counted] = await rows(
      databaseUrl,
      `SELECT count(*)::int AS tables, min(days)::int AS least FROM (
         SELECT t.name, count(c.oid) AS days FROM tables_by_day t
           LEFT JOIN pg_inherits i ON i.inhparent = to_regclass(t.name)
           LEFT JOIN pg_class c ON c.oid = i.inhrelid AND c.relname ~ '_[0-9]{8}$'
          GROUP BY t.name) AS found`,
    );
    expect(counted).toEqual({ tables: 12, least: 8 });
  });

  test('makes a replica unready when it is older than the one that it needs, and ready when it is newer', async () => {
    const replica = await startReplicaForTest();
    await setStored(replica.databaseUrl, FUNCTION_SET.version - 1);
    await expect
      .poll(() => readiness(replica))
      .toMatchObject({
        status: 503,
        migrations: { status: 'down', message: `pending: function set ${FUNCTION_SET.version}` },
      });
    await setStored(replica.databaseUrl, FUNCTION_SET.version + 1);
    await expect
      .poll(() => readiness(replica))
      .toMatchObject({ status: 200, migrations: { status: 'up' } });
  });
});

describe('a database of before the first release', () => {
  const REFUSAL =
    'this database was made by a version of Mandate from before its first release, which cannot be ' +
    'upgraded: start with an empty database (another DATABASE_URL or, for the embedded one, another DATA_DIR)\n';

  test.each([
    ['the service', undefined],
    ['npm run migrate', [process.execPath, CLI, 'migrate'] as const],
  ])('is refused by %s in one sentence, and left as it is', async (_who, command) => {
    const databaseUrl = await createEmptyDatabase();
    await rows(
      databaseUrl,
      `CREATE TABLE schema_migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)`,
    );
    await rows(
      databaseUrl,
      `INSERT INTO schema_migrations ("timestamp", name)
       VALUES (1700000000000, 'Zones1700000000000'), (1700000000021, 'KeyRotation1700000000021')`,
    );
    const env = { DATABASE_URL: databaseUrl, KEY_ENCRYPTION_KEY, ADMIN_TOKEN, PORT: '0' };
    const refused = startProcess(env, '/tmp', command);
    expect(await refused.ended).toMatchObject({ code: command === undefined ? 78 : 3 });
    // A busy machine may take a moment to answer, which is said before.
    const waits = /^the database does not answer yet: it does not answer; .*\n/gm;
    expect(refused.output().replace(waits, '')).toBe(REFUSAL);
    const tables = await rows(
      databaseUrl,
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
    );
    expect(tables).toEqual([{ relname: 'schema_migrations' }]);
  });
});
