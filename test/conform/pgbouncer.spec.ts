import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { findPooler } from '../../src/platform/database/pooler.js';
import { jsonOf, runCli } from '../setup/cli.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import {
  ADMIN_TOKEN,
  createDatabase,
  createEmptyDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { startBouncer, type Bouncer } from './pgbouncer.js';
import { describeWith, PGBOUNCER } from './tools.js';

const given = { KEY_ENCRYPTION_KEY, ADMIN_TOKEN, PORT: '0' };
const REFUSAL =
  'the pooler that DATABASE_URL leads to gives each transaction another connection, and Mandate needs sessions: ' +
  'set pool_mode = session for this database (PgBouncer), or let DATABASE_URL lead to PostgreSQL itself\n';

afterAll(killProcesses);

describeWith([PGBOUNCER], 'PgBouncer', () => {
  describe('in session mode, as it is by itself', () => {
    let bouncer: Bouncer;
    let replica: Replica;
    let databaseUrl: string;
    let zone: TestZone;

    beforeAll(async () => {
      bouncer = await startBouncer(inject('serverUrl'), { pool_mode: 'session' });
      databaseUrl = await createDatabase();
      replica = await startReplica({
        databaseUrl: bouncer.through(databaseUrl),
        env: { DATABASE_TIMEOUT_MS: '1000' },
      });
      zone = await createTestZone({ ...replica, databaseUrl });
    });

    afterAll(async () => {
      await replica?.stop();
      await bouncer?.stop();
    });

    test('a replica is ready, issues and records, and says what is in between', async () => {
      expect(replica.logs().join('\n')).toMatch(/"pooler":true,.*"msg":"listening"/);
      await expect.poll(async () => (await fetch(`${replica.url}/ready`)).status).toBe(200);
      const { status, requestId } = await zone.exchange();
      expect(status).toBe(200);
      expect(await zone.audit(requestId)).toMatchObject([{ outcome: 'issued' }]);
    });

    test('it hears what changes, and tells who waits for that', async () => {
      await zone.activate(APPROVE_WRITES);
      const { id } = heldIn(await zone.session({ scope: 'a:write' }));
      const waiting = fetch(`${replica.url}/step-up/${id}?wait=25`);
      await settle(zone, id);
      expect(await (await waiting).json()).toMatchObject({ state: 'approved' });
      const feed = await rows<{ query: string }>(
        databaseUrl,
        `SELECT query FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'mandate change feed'`,
      );
      expect(feed).toEqual([{ query: expect.stringMatching(/^LISTEN /) }]);
      expect(replica.logs().join('\n')).not.toContain('the change feed cannot connect');
    });

    test('what takes too long on the server is ended there', async () => {
      await rows(
        databaseUrl,
        `CREATE FUNCTION for_ever() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END';
         CREATE TRIGGER for_ever BEFORE INSERT ON audit_events
           FOR EACH ROW EXECUTE FUNCTION for_ever()`,
      );
      try {
        expect((await zone.session({ scope: 'a:read' })).status).toBe(503);
        // The lock of the statement would be waited for until the hour is over.
        await expect
          .poll(() =>
            rows(
              databaseUrl,
              `SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'PgSleep'`,
            ),
          )
          .toEqual([]);
      } finally {
        // To drop the trigger would lock the days before the table, the other way round than those who write.
        await rows(
          databaseUrl,
          `CREATE OR REPLACE FUNCTION for_ever() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RETURN NEW; END'`,
        );
      }
      await expect.poll(async () => (await zone.session({ scope: 'a:read' })).status).toBe(200);
    });

    test('commands work through it', async () => {
      const env = { DATABASE_URL: replica.databaseUrl, KEY_ENCRYPTION_KEY };
      expect(await runCli(['migrate'], env)).toMatchObject({ code: 0, stdout: 'nothing to do\n' });
      expect(jsonOf(await runCli(['keys', 'verify', '--json'], env))).toBeTypeOf('object');
      const empty = bouncer.through(await createEmptyDatabase());
      const migrated = await runCli(['migrate'], { DATABASE_URL: empty });
      expect(migrated).toMatchObject({ code: 0 });
      // A busy machine may leave it without an answer for a while.
      expect(migrated.stderr).toMatch(
        /^(?:the database does not answer yet: it does not answer;.*\n)?$/,
      );
    });

    test('a database that is not there ends a start at once, also behind an entry for all of them', async () => {
      const url = new URL(replica.databaseUrl);
      url.pathname = '/nowhere';
      const said =
        'the database that DATABASE_URL names is not there: database "nowhere" does not exist; ' +
        'create it with createdb and let its pooler know it, or name another one\n';
      // PostgreSQL says so to the first, and PgBouncer remembers it for those after it.
      for (let start = 0; start < 2; start += 1) {
        const refused = startProcess({ ...given, DATABASE_URL: url.href });
        expect(await refused.ended).toMatchObject({ code: 78 });
        expect(refused.lines().filter((line) => !line.includes('does not answer'))).toEqual(
          said.split('\n'),
        );
      }
    });

    test('what it refuses ends a start at once, in a sentence', async () => {
      const wrong = (change: (url: URL) => void) => {
        const url = new URL(replica.databaseUrl);
        change(url);
        return startProcess({ ...given, DATABASE_URL: url.href });
      };
      const [user, password, parameter] = [
        wrong((url) => (url.username = 'somebody')),
        wrong((url) => (url.password = 'another')),
        wrong((url) => (url.search = '?options=-c%20statement_timeout%3D5')),
      ];
      for (const one of [user, password, parameter]) {
        expect(await one.ended).toMatchObject({ code: 78 });
      }
      const notIn =
        'the database does not let DATABASE_URL in: SASL authentication failed; correct the user and the password in it, or the users that its pooler knows\n';
      expect([user.output(), password.output()]).toEqual([notIn, notIn]);
      expect(parameter.output()).toBe(
        'the pooler that DATABASE_URL leads to does not take what is in it: unsupported startup parameter: options; take that out of DATABASE_URL\n',
      );
    });
  });

  describe.each([
    { pool_mode: 'transaction' },
    { pool_mode: 'transaction', server_round_robin: 1 },
    { pool_mode: 'transaction', default_pool_size: 2 },
    { pool_mode: 'statement' },
  ])('with %j', (settings) => {
    let bouncer: Bouncer;
    let databaseUrl: string;

    beforeAll(async () => {
      bouncer = await startBouncer(inject('serverUrl'), settings);
      databaseUrl = await createEmptyDatabase();
    });

    afterAll(() => bouncer?.stop());

    test('a start and a command are refused at once, and nothing is done', async () => {
      const env = { ...given, DATABASE_URL: bouncer.through(databaseUrl) };
      const refused = startProcess(env);
      expect(await refused.ended).toMatchObject({ code: 78 });
      expect(refused.output()).toBe(REFUSAL);
      const command = await runCli(['migrate'], { DATABASE_URL: env.DATABASE_URL });
      expect(command).toEqual({ code: 3, stdout: '', stderr: REFUSAL });
      const tables = await rows(
        databaseUrl,
        `SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
      );
      expect(tables).toEqual([]);
    });

    test('it is found out every time, also while others use it', async () => {
      const url = bouncer.through(databaseUrl);
      const done = new AbortController();
      const others = Array.from({ length: 3 }, () =>
        withClient(url, async (client) => {
          while (!done.signal.aborted) await client.query('SELECT 1');
        }),
      );
      const found: unknown[] = [];
      for (let round = 0; round < 60; round += 1) {
        found.push(await findPooler(url, 2_000).catch(String));
      }
      done.abort();
      await Promise.all(others);
      expect(new Set(found)).toEqual(new Set([`DatabaseUnusable: ${REFUSAL.trim()}`]));
    });
  });

  test('is told from PostgreSQL itself', async () => {
    const databaseUrl = await createEmptyDatabase();
    expect(await findPooler(databaseUrl, 10_000)).toBe(false);
    const bouncer = await startBouncer(inject('serverUrl'), { pool_mode: 'session' });
    expect(await until(() => findPooler(bouncer.through(databaseUrl), 10_000))).toBe(true);
    await bouncer.stop();
  });
});
