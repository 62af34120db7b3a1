import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  startEmbeddedPostgres,
  type EmbeddedServer,
} from '../../src/platform/database/embedded-postgres.js';
import { verifyChains } from '../setup/chain.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { startLoad } from '../setup/load.js';
import { postmasterOf, until } from '../setup/process.js';
import { createTestZone } from '../setup/zone.js';

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 1);

let dataDir: string;
let server: EmbeddedServer;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mandate-crash-'));
  server = await startEmbeddedPostgres({ dataDir, log: () => {} });
});

afterAll(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Those of the tokens that were received that are not in the audit log, exactly once and as issued. */
async function missing(databaseUrl: string, received: readonly string[]): Promise<string[]> {
  const found = await rows<{ jti: string; n: number }>(
    databaseUrl,
    `SELECT jti, count(*)::int AS n FROM audit_events a
      WHERE jti = ANY ($1) AND outcome = 'issued' AND audit_event(a)->'mandate'->>'jti' = jti::text
      GROUP BY jti`,
    [received],
  );
  const recorded = new Map(found.map(({ jti, n }) => [jti, n]));
  return received.filter((jti) => recorded.get(jti) !== 1);
}

test('every token that was received is recorded, although the server is killed under load', async () => {
  const databaseUrl = await createDatabase();
  let replica: Replica = await startReplica({ databaseUrl });
  const zone = await createTestZone(replica);
  const load = startLoad(zone, () => replica.url);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await load.more(50);
      await sleep(Math.random() * 50);
      await replica.stop('SIGKILL');
      replica = await startReplica({ databaseUrl });
    }
    await load.more(1);
  } finally {
    await load.stop();
    await replica.stop();
  }
  expect(load.received.length).toBeGreaterThan(ROUNDS * 50);
  expect(await missing(databaseUrl, load.received)).toEqual([]);
  expect(await missing(databaseUrl, ['00000000-0000-7000-8000-000000000000'])).toHaveLength(1);
  const report = await verifyChains(databaseUrl);
  expect(report.faults).toEqual([]);
  // One chain of every process that issued, at least.
  expect(report.chains).toBeGreaterThan(ROUNDS);
  expect(report.events).toBeGreaterThanOrEqual(load.received.length);
});

test('every token that was received is recorded, although PostgreSQL is killed under load', async () => {
  const replica = await startReplica({ databaseUrl: server.url });
  const zone = await createTestZone(replica);
  const load = startLoad(zone, () => replica.url);
  const recoveries: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await load.more(50);
      await sleep(Math.random() * 50);
      const pid = await postmasterOf(dataDir);
      process.kill(pid, 'SIGKILL');
      const killed = performance.now();
      // What was already on its way may still arrive; from here on nothing can but from a new server.
      await until(async () => (await postmasterOf(dataDir)) !== pid);
      await load.more(20);
      recoveries.push(performance.now() - killed);
    }
  } finally {
    await load.stop();
  }
  console.log(`back after ${recoveries.map(Math.round).join(', ')} ms`);
  await until(async () => (await fetch(`${replica.url}/ready`)).status === 200);
  expect(await replica.stop()).toBe(0);
  // Nobody saw anything but tokens and "not now".
  expect(load.refusals.filter(({ status }) => status !== 503)).toEqual([]);
  expect(await missing(server.url, load.received)).toEqual([]);
  const report = await verifyChains(server.url);
  expect(report.faults).toEqual([]);
  expect(report.events).toBeGreaterThanOrEqual(load.received.length);
});
