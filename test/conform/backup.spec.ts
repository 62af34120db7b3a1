import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChains } from '../setup/chain.js';
import { makeDatabase, rows } from '../setup/databases.js';
import { newVerifier, type Verifier } from '../setup/feed.js';
import { ADMIN_TOKEN, startReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { startLoad } from '../setup/load.js';
import { order } from '../setup/orders.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs } from '../setup/services.js';
import { SystemPrograms } from '../setup/system-postgres.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { describeWith, PG_DUMP } from './tools.js';

/** What docs/operations.md says to type: to back up, to restore, and to take back what was issued. */
const [BACK_UP = '', RESTORE = '', TAKE_BACK = ''] = [
  ...readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8').matchAll(
    /^ *```sh\n([^]*?)^ *```$/gm,
  ),
].map(([, block]) => block);

/** A zone before it was lost, and what was out then. */
interface Lost {
  readonly zone: TestZone;
  readonly verifier: Verifier;
  readonly kids: readonly string[];
  /** Issued before the backup. */
  readonly early: string;
  /** The same, and revoked before it. */
  readonly revoked: string;
  /** Issued before the backup, and revoked after it. */
  readonly forgotten: string;
  /** Issued after the backup, in a session of before. */
  readonly late: string;
  /** In a session of after the backup. */
  readonly lateSession: string;
  /** Of the feed, after the last of what was revoked. */
  readonly cursor: string;
}

describeWith([PG_DUMP], 'a backup of PostgreSQL', () => {
  let programs: SystemPrograms;

  beforeAll(async () => {
    programs = await SystemPrograms.in(dirname(PG_DUMP.path ?? ''));
  });
  afterAll(() => programs?.remove());

  test('by pg_dump, taken under load, is served again after a restore', async () => {
    const server = await programs.start(await programs.makeCluster('dumped'));
    const databaseUrl = await makeDatabase(server.url);
    const lost = await lose(databaseUrl, () => type(BACK_UP, { DATABASE_URL: databaseUrl }));
    const restored = await makeDatabase(server.url);
    await type(RESTORE, { RESTORED_DATABASE_URL: restored });
    await expectToBeServed(lost, restored);
    await server.stop();
  });

  test('with archived WAL is served again as of a moment', async () => {
    const archive = await programs.directoryFor('archive');
    const server = await programs.start(await programs.makeCluster('archived'), {
      archive_mode: 'on',
      archive_command: `cp %p ${archive}/%f`,
    });
    const databaseUrl = await makeDatabase(server.url);
    const base = join(programs.directory, 'base');
    const lost = await lose(databaseUrl, async () => {
      await programs.run('pg_basebackup', '-d', server.url, '-D', base, '--checkpoint=fast');
      await rows(server.url, "SELECT pg_create_restore_point('before it went wrong')");
    });
    await rows(server.url, 'SELECT pg_switch_wal()');
    await server.stop();
    await writeFile(join(base, 'recovery.signal'), '');
    const restored = await programs.start(base, {
      restore_command: `cp ${archive}/%f %p`,
      recovery_target_name: 'before it went wrong',
      recovery_target_action: 'promote',
    });
    const url = new URL(databaseUrl);
    url.port = new URL(restored.url).port;
    await expectToBeServed(lost, url.href);
    await restored.stop();
  });

  /** Types into a shell what the page says. */
  async function type(block: string, env: Readonly<Record<string, string>>): Promise<void> {
    expect(block).not.toBe('');
    const path = `${dirname(PG_DUMP.path ?? '')}:${process.env['PATH'] ?? ''}`;
    await promisify(execFile)('sh', ['-euc', block], {
      cwd: programs.directory,
      env: { PATH: path, ...env },
    });
  }

  /** Serves a zone, has it backed up under load, goes on for a while, and ends. */
  async function lose(databaseUrl: string, backUp: () => Promise<void>): Promise<Lost> {
    const replica = await startReplica({ databaseUrl });
    const zone = await createTestZone(replica);
    const verifier = await newVerifier(zone);
    const session = await sessionAt(replica, zone, verifier);
    const issue = (from: string) => mandateAt(replica, zone, verifier, from);
    const [early, revoked, forgotten] = [
      await issue(session),
      await issue(session),
      await issue(session),
    ];
    expect((await order(zone, { jti: jtiOf(revoked) })).status).toBe(201);
    const load = startLoad(zone, () => replica.url);
    await load.more(10);
    await backUp();
    await load.stop();
    expect((await order(zone, { jti: jtiOf(forgotten) })).status).toBe(201);
    const late = await issue(session);
    const lateSession = await issue(await sessionAt(replica, zone, verifier));
    for (const [token, active] of [
      [early, true],
      [revoked, false],
      [forgotten, false],
      [late, true],
    ] as const) {
      expect(await isActive(replica, token, verifier)).toBe(active);
    }
    const kids = await kidsOf(replica, zone);
    const cursor = await verifier.end();
    await replica.stop();
    return { zone, verifier, kids, early, revoked, forgotten, late, lateSession, cursor };
  }

  /** What docs/operations.md says of a database that was restored to an earlier moment. */
  async function expectToBeServed(lost: Lost, databaseUrl: string): Promise<void> {
    const replica = await startReplica({ databaseUrl });
    const zone = { ...lost.zone, replica };
    const { verifier } = lost;
    expect((await persistently(() => fetch(`${replica.url}/ready`))).status).toBe(200);
    expect(await kidsOf(replica, zone)).toEqual(lost.kids);
    expect(await isActive(replica, lost.early, verifier)).toBe(true);
    expect(await isActive(replica, lost.revoked, verifier)).toBe(false);
    expect(await isActive(replica, lost.lateSession, verifier)).toBe(false);
    // What has happened since the backup is not known any more: that is why zones are taken back.
    expect(await isActive(replica, lost.forgotten, verifier)).toBe(true);
    expect(await isActive(replica, lost.late, verifier)).toBe(true);
    const resumed = await persistently(() => verifier.read(`?after=${lost.cursor}`, replica));
    expect(resumed).toMatchObject({ status: 410, body: { error: 'cursor_expired' } });
    const other = await createTestZone(replica);
    // One zone a page: there are two.
    await type(TAKE_BACK.replace('limit=500', 'limit=1'), {
      MANDATE: replica.url,
      ADMIN_TOKEN,
    });
    expect(await orders(other)).toMatchObject([{ target: { zone: true } }]);
    for (const token of [lost.early, lost.revoked, lost.forgotten, lost.late, lost.lateSession]) {
      expect(await isActive(replica, token, verifier)).toBe(false);
    }
    const session = await sessionAt(replica, zone, verifier);
    const again = await mandateAt(replica, zone, verifier, session);
    expect(await isActive(replica, again, verifier)).toBe(true);
    await replica.stop();
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  }
});

function sessionAt(replica: Replica, zone: TestZone, { resource }: Verifier): Promise<string> {
  return tokenIn(() => zone.sessionAt(replica, { resource, scope: 'v:read' }));
}

function mandateAt(
  { url }: Replica,
  zone: TestZone,
  { resource }: Verifier,
  session: string,
): Promise<string> {
  return tokenIn(() => exchangeAs(zone, url, session, { resource, scope: 'v:read' }));
}

async function tokenIn(ask: () => Promise<Answer>): Promise<string> {
  const answer = await persistently(ask);
  expect(answer.status).toBe(200);
  return String(answer.body['access_token']);
}

const jtiOf = (token: string): string => String(decodeJwt(token).jti);

async function isActive({ url }: Replica, token: string, verifier: Verifier): Promise<unknown> {
  const answer = await persistently(() => introspect(url, token, verifier));
  expect(answer.status).toBe(200);
  return answer.body['active'];
}

async function kidsOf({ url }: Replica, { zoneId }: TestZone): Promise<readonly string[]> {
  const answer = await persistently(() => fetch(`${url}/zones/${zoneId}/.well-known/jwks.json`));
  const { keys } = (await answer.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).toSorted();
}

async function orders({ replica, zoneId }: TestZone): Promise<unknown> {
  const { body } = await persistently(() =>
    callAdmin(replica, 'GET', `/zones/${zoneId}/revocations`),
  );
  return body['items'];
}
