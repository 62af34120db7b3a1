import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileKeys } from '../../src/keys/signer/file-keys.js';
import { startSigner, type RunningSigner } from '../../src/keys/signer/signer-server.js';
import { keyEncryptionsOf } from '../../src/sealing/key-encryptions.js';
import {
  createDatabase,
  rows,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
  type ReplicaOptions,
} from '../setup/harness.js';
import type { DemoFile } from '../../src/admin/zones/demo-file.js';
import { SHORT_LIVED } from '../setup/node-flags.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { environment } from '../setup/server-process.js';
import { startTransit } from '../setup/transit.js';
import { editedVersion, type Version } from '../setup/versions.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

/** Milliseconds between two rounds of checks here, instead of five seconds. */
const EVERY_MS = 1_000;

let version: Version;

beforeAll(async () => {
  version = await editedVersion([
    ['health/readiness.service.js', ' EVERY_MS = 5_000;', ` EVERY_MS = ${EVERY_MS};`],
    ['ledger/commit-check.service.js', ' PROOF_MS = 5_000;', ` PROOF_MS = ${EVERY_MS};`],
  ]);
});
afterAll(() => version?.remove());

const startForTest = (options: ReplicaOptions = {}) =>
  startReplicaForTest({ main: version.main, ...options });

interface Said {
  readonly status: number;
  /** The messages of the checks that fail. */
  readonly down: Readonly<Record<string, string>>;
}

async function ready({ url }: Pick<Replica, 'url'>): Promise<Said> {
  const response = await fetch(`${url}/ready`);
  const { error } = (await response.json()) as { error: Record<string, { message: string }> };
  const down = Object.entries(error).map(([name, { message }]) => [name, message]);
  return { status: response.status, down: Object.fromEntries(down) };
}

/** Waits until a replica says yes again, while nobody asks it for a mandate. */
const recovers = (replica: Replica) => expect.poll(() => ready(replica)).toEqual(YES);
const YES = { status: 200, down: {} };

const probes = (databaseUrl: string) =>
  rows<{ at: Date }>(databaseUrl, 'SELECT at FROM ledger_probes');

describe('a replica on a database of its own', () => {
  let replica: Replica;
  let zone: TestZone;

  beforeAll(async () => {
    replica = await startReplica({ main: version.main });
    zone = await createTestZone(replica);
  });
  afterAll(() => replica?.stop());

  test('is ready as soon as it listens, and leaves no event and one row by its checks', async () => {
    const fresh = await startForTest();
    expect(await ready(fresh)).toEqual(YES);
    const [first] = await probes(fresh.databaseUrl);
    await until(
      async () => (await probes(fresh.databaseUrl))[0]?.at.getTime() !== first?.at.getTime(),
    );
    expect(await probes(fresh.databaseUrl)).toHaveLength(1);
    expect(await rows(fresh.databaseUrl, 'SELECT 1 FROM audit_events')).toEqual([]);
    expect(await rows(fresh.databaseUrl, 'SELECT 1 FROM audit_chains')).toEqual([]);
  });

  test.each(['audit_chains', 'audit_events', 'sessions', 'zones'])(
    'is not ready while %s is locked, and is again after that',
    async (table) => {
      expect((await zone.session()).status).toBe(200);
      await recovers(replica);
      await withClient(replica.databaseUrl, async (client) => {
        await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
        await expect
          .poll(async () => (await ready(replica)).down)
          .toEqual({ ledger: 'the database cannot be used: its tables are busy' });
        expect((await zone.session()).status).toBe(503);
        await client.query('ROLLBACK');
      });
      await recovers(replica);
      expect((await zone.session()).status).toBe(200);
    },
  );

  test('says why in the line of the request, and in none that is an error', async () => {
    const from = replica.logs().length;
    const lines = () =>
      replica
        .logs()
        .slice(from)
        .filter((line) => line.includes('not ready') || line.includes('Unavailable'))
        .map((line) => JSON.parse(line) as { level: number; error: string; reason: string });
    await withClient(replica.databaseUrl, async (client) => {
      await client.query('BEGIN; LOCK TABLE audit_chains IN ACCESS EXCLUSIVE MODE');
      await until(async () => (await ready(replica)).status === 503);
      await client.query('ROLLBACK');
    });
    await recovers(replica);
    await expect.poll(() => lines().length).toBeGreaterThan(0);
    expect(lines().filter(({ level }) => level >= 50)).toEqual([]);
    expect(lines()[0]).toMatchObject({ error: 'not_ready', reason: 'not ready: ledger' });
  });

  test('is not ready while the database is read-only, and is again after that', async () => {
    const name = new URL(replica.databaseUrl).pathname.slice(1);
    const become = (setting: string) =>
      withClient(replica.databaseUrl, async (client) => {
        await client.query('SET default_transaction_read_only = off');
        await client.query(`ALTER DATABASE ${name} ${setting}`);
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
      });
    await become('SET default_transaction_read_only = on');
    await expect
      .poll(async () => (await ready(replica)).down)
      .toEqual({ ledger: 'the database cannot be used: it is read-only' });
    await become('RESET default_transaction_read_only');
    await recovers(replica);
    expect((await zone.session()).status).toBe(200);
  });

  test('writes no more, however often it is asked', async () => {
    await rows(
      replica.databaseUrl,
      `CREATE TABLE written (n serial);
       CREATE FUNCTION count_probe() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO written DEFAULT VALUES; RETURN NEW; END';
       CREATE TRIGGER count_probe BEFORE INSERT ON ledger_probes
         FOR EACH ROW EXECUTE FUNCTION count_probe()`,
    );
    const written = async () => (await rows(replica.databaseUrl, 'SELECT n FROM written')).length;
    const [before, since] = [await written(), performance.now()];
    for (let i = 0; i < 25; i += 1) {
      await Promise.all(Array.from({ length: 20 }, () => ready(replica)));
    }
    const rounds = (performance.now() - since) / EVERY_MS;
    expect((await written()) - before).toBeLessThanOrEqual(Math.ceil(rounds) + 1);
  });
});

test('a dead signer makes a replica unready, also one that has no zone in memory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mandate-readiness-'));
  const socket = join(directory, 'signer.sock');
  const origin = { keyOrigin: 'KEY_ENCRYPTION_KEY', keyRemedy: '' };
  const key = { key: randomBytes(32), previousKey: undefined, ...origin };
  const custody = { provider: 'env', ...key } as const;
  const keys = new FileKeys(
    join(directory, 'keys'),
    keyEncryptionsOf({ ...custody, vault: undefined, signer: 'local', signerSocket: undefined }),
  );
  const start = (): Promise<RunningSigner> => startSigner(socket, keys, () => {});
  let signer = await start();
  try {
    const env = { SIGNER: 'socket', SIGNER_SOCKET: socket };
    const databaseUrl = await createDatabase();
    const replica = await startForTest({ databaseUrl, env });
    const zone = await createTestZone(replica);
    expect((await zone.session()).status).toBe(200);
    await recovers(replica);
    await signer.close();
    const dead = { status: 503, down: { signing_keys: 'what keeps the keys is out of reach' } };
    await expect.poll(() => ready(replica)).toEqual(dead);
    expect((await zone.session()).status).toBe(503);
    const other = await startForTest({ databaseUrl, env });
    expect(await ready(other)).toEqual(dead);

    signer = await start();
    await recovers(replica);
    await recovers(other);
    expect((await zone.session()).status).toBe(200);
  } finally {
    await signer.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a zone that is not in memory while the KMS is away is its own trouble', async () => {
  const engine = await startTransit();
  try {
    const { address, tokenFile, key } = engine.transit;
    const env = {
      VAULT_ADDR: address,
      VAULT_TOKEN_FILE: tokenFile,
      VAULT_TRANSIT_KEY: key,
      KEY_ENCRYPTION_PROVIDER: 'vault',
      KEY_ENCRYPTION_KEY: '',
    };
    const databaseUrl = await createDatabase();
    const [maker, replica] = [
      await startReplicaForTest({ databaseUrl, env }),
      await startReplicaForTest({ databaseUrl, env }),
    ];
    const known = await createTestZone(maker);
    const session = (zone: TestZone) =>
      postForm(replica.url, {
        grant_type: 'client_credentials',
        client_id: zone.clientId,
        client_secret: zone.secret,
        resource: zone.resource,
      });
    expect((await persistently(() => session(known))).status).toBe(200);
    // What a replica does in the background has every zone in memory after a while, on a busy machine before it is asked.
    const unknown = await until(async () => {
      const made = await createTestZone(maker);
      engine.trouble('closed');
      if ((await session(made)).status === 503) return made;
      engine.trouble(null);
      return null;
    });
    // Two probes of each process: a whole round of checks lies between them.
    for (let i = 0; i < 2; i += 1) {
      const times = async () => (await probes(databaseUrl)).map(({ at }) => at.getTime());
      const before = Math.max(...(await times()));
      await expect.poll(async () => Math.min(...(await times())) > before).toBe(true);
    }
    await recovers(replica);
    expect((await persistently(() => session(known))).status).toBe(200);
    engine.trouble(null);
    expect((await persistently(() => session(unknown))).status).toBe(200);
  } finally {
    await engine.close();
  }
});

describe('a start that makes something', () => {
  let starting: Version;

  beforeAll(async () => {
    // With any database, so that a test can hold up what is made; and the port is known before that is there.
    const listens = 'const open = [await listening(';
    starting = await editedVersion([
      ['start.js', 'introduce: embedded, made: !embedded', 'introduce: true, made: false'],
      ['start.js', 'introduce: embedded }', 'introduce: true }'],
      [
        'serve.js',
        listens,
        `const told = (one) => (console.log('opened ' + one.port), one);\n    ${listens}`,
      ],
      ['serve.js', "env.port, 'PORT')];", "env.port, 'PORT').then(told)];"],
    ]);
  });
  afterAll(async () => {
    await killProcesses();
    await starting?.remove();
  });

  test.each(['1', '2'])('is not ready before that is there, with %s workers', async (workers) => {
    const databaseUrl = await createDatabase();
    const dataDir = mkdtempSync(join(tmpdir(), 'mandate-demo-'));
    try {
      await withClient(databaseUrl, async (client) => {
        // Nothing but the demo adds policies.
        await client.query('BEGIN; LOCK TABLE policies IN SHARE MODE');
        const server = startProcess(
          environment({
            DATABASE_URL: databaseUrl,
            DATA_DIR: dataDir,
            WORKERS: workers,
            DATABASE_TIMEOUT_MS: '20000',
            START_SECONDS: '100',
          }),
          undefined,
          [process.execPath, ...SHORT_LIVED, starting.main],
        );
        const [, port = ''] = await server.says(/^opened (\d+)$/m);
        const replica = { url: `http://127.0.0.1:${port}` };
        const missing = { start: 'not all that the start makes is there' };
        expect((await fetch(`${replica.url}/health`)).status).toBe(200);
        await until(() => isWaiting(databaseUrl));
        const all = Array.from({ length: 4 }, () => ready(replica));
        expect(await Promise.all(all)).toEqual(all.map(() => ({ status: 503, down: missing })));
        expect(existsSync(join(dataDir, 'demo.json'))).toBe(false);
        expect(server.output()).not.toContain('"ports"');
        await client.query('ROLLBACK');
        await until(async () => (await ready(replica)).status === 200);
        const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')) as DemoFile;
        const first = await persistently(() =>
          postForm(replica.url, {
            grant_type: 'client_credentials',
            client_id: demo.application_id,
            client_secret: demo.client_secret,
            resource: demo.resource,
          }),
        );
        expect(first.status).toBe(200);
        await server.listens();
        server.kill('SIGTERM');
        await server.ended;
      });
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  /** Whether something waits for the lock on policies. */
  const isWaiting = async (databaseUrl: string): Promise<boolean> => {
    const [row] = await rows<{ waiting: boolean }>(
      databaseUrl,
      `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'policies'::regclass AND NOT granted
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS waiting`,
    );
    return row?.waiting === true;
  };
});
