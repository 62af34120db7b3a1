import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { ADMIN_TOKEN, KEY_ENCRYPTION_KEY } from '../setup/server-process.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { callAdmin, createTestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica({ env: { DATABASE_POOL_SIZE: '20' } });
});

afterAll(async () => {
  await killProcesses();
  await replica?.stop();
});

/** How many connections there are to the database of a test, but for the one that asks. */
async function connectionsTo(databaseUrl: string): Promise<number> {
  const [found] = await rows<{ count: number }>(
    databaseUrl,
    `SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return found?.count ?? 0;
}

test('a replica that may take the fewest connections does all its work, and takes no more', async () => {
  expect(replica.logs().join('\n')).toContain('"databaseConnections":20');
  const zone = await createTestZone(replica);
  const counts: number[] = [];
  let done = false;
  const counted = until(async () => {
    counts.push(await connectionsTo(replica.databaseUrl));
    return done;
  });
  // Of each kind more at once than there are connections for it: mandates, changes of operators, what they look at.
  const asked = await Promise.all([
    ...Array.from({ length: 40 }, () => persistently(() => zone.session())),
    ...Array.from({ length: 10 }, () => persistently(() => callAdmin(replica, 'GET', '/zones'))),
    ...Array.from({ length: 10 }, (_, i) =>
      persistently(() => callAdmin(replica, 'POST', '/zones', { name: `zone ${i}` })),
    ),
  ]);
  done = true;
  await counted;
  expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200, 201]));
  expect(Math.max(...counts)).toBeGreaterThan(5);
  expect(Math.max(...counts)).toBeLessThanOrEqual(20);
});

test('a pool that is larger than the database is told of, and one that is too small for its workers refused', async () => {
  const env = { DATABASE_URL: await createDatabase(), KEY_ENCRYPTION_KEY, ADMIN_TOKEN, PORT: '0' };
  const large = startProcess({ ...env, DATABASE_POOL_SIZE: '9999' });
  await large.says(/DATABASE_POOL_SIZE is more than max_connections of the database/);
  await large.listens();
  large.kill();
  expect(await large.ended).toMatchObject({ code: 0 });
  const small = startProcess({ ...env, WORKERS: '2', DATABASE_POOL_SIZE: '34' });
  expect(await small.ended).toMatchObject({ code: 78 });
  expect(small.output()).toContain('DATABASE_POOL_SIZE must be at least 35 for 2 WORKERS');
});
