import { decodeJwt } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { keyOf, newVerifier, type Verifier } from '../setup/feed.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };
/** The most transactions a second of a replica that has nothing to do. */
const IDLE_A_SECOND = 8;

let replica: Replica;
let zone: TestZone;
let verifier: Verifier;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica);
  verifier = await newVerifier(zone);
});
afterAll(async () => {
  await replica?.stop();
});

/** The transactions of the database so far. Its connections report theirs after a second at most. */
async function transactions(): Promise<number> {
  const [row] = await rows<{ count: number }>(
    replica.databaseUrl,
    `SELECT (xact_commit + xact_rollback)::float8 AS count FROM pg_stat_database WHERE datname = current_database()`,
    [],
  );
  return row?.count ?? 0;
}

/** The jobs that are woken from now on. */
async function listen(): Promise<string[]> {
  const woken: string[] = [];
  const client = new pg.Client({ connectionString: replica.databaseUrl });
  await client.connect();
  client.on('notification', ({ payload }) => void woken.push(payload ?? ''));
  await client.query('LISTEN mandate_work');
  onTestFinished(() => client.end());
  return woken;
}

const hasItem = async (kind: string, value: string) =>
  (await verifier.read()).items.some(({ key }) => key === keyOf(zone.zoneId, kind, value));

const endSession = async (): Promise<string> => {
  const { body } = await persistently(() => zone.session());
  const sid = String(decodeJwt(String(body['access_token']))['sid']);
  await rows(replica.databaseUrl, 'UPDATE sessions SET ended_at = now() WHERE id = $1', [sid]);
  return sid;
};

describe('background jobs', () => {
  test('ask the database seldom while there is nothing to do', async () => {
    const seconds = 5;
    // What a start has to do may still be under way.
    await until(async () => {
      const before = await transactions();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      // One of these is the question itself.
      return (await transactions()) - before - 1 <= seconds * IDLE_A_SECOND ? true : null;
    });
  });

  test('are woken by what ends, once as long as there is something to do, and not by exchanges', async () => {
    const woken = await listen();
    await Promise.all(Array.from({ length: 5 }, () => persistently(() => zone.session())));
    const jti = '01990000-0000-7000-8000-000000000001';
    await rows(
      replica.databaseUrl,
      `INSERT INTO revocations (zone_id, jti)
       SELECT $1, ($2::text || lpad(n::text, 4, '0'))::uuid FROM generate_series(1, 100) AS n`,
      [zone.zoneId, jti.slice(0, -4)],
    );
    await expect.poll(() => hasItem('jti', jti), PATIENCE).toBe(true);
    expect(woken).toEqual(['revocation feed']);
  });

  test('find what nobody has woken them for, also where no change is heard of', async () => {
    const key = keyOf(zone.zoneId, 'jti', 'unheard');
    await rows(
      replica.databaseUrl,
      `INSERT INTO revocation_notices (zone_id, kind, key) VALUES ($1, 'jti', decode($2, 'base64'))`,
      [zone.zoneId, Buffer.from(key, 'base64url').toString('base64')],
    );
    await expect.poll(() => hasItem('jti', 'unheard'), PATIENCE).toBe(true);
  });

  test('are woken by sessions that end in psql', async () => {
    const woken = await listen();
    const sid = await endSession();
    await expect.poll(() => hasItem('session', sid), PATIENCE).toBe(true);
    expect(woken).toContain('revocation feed');
  });
});
