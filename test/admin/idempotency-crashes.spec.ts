import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forget } from '../../src/admin/idempotency/kept-requests.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { whileOpen } from '../setup/locks.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, until } from '../setup/process.js';
import { callAdmin, createTestZone, postForm, type TestZone } from '../setup/zone.js';
import { databaseOf, idBeside } from '../setup/zone-database.js';

/** That what comes again after a crash was carried out or was not, and its answer is there if it was. */

/** Rounds in which a replica is killed at some moment of a request. */
const ROUNDS = Number(process.env['IDEMPOTENCY_CRASHES'] ?? 2);

let databaseUrl: string;
let survivor: Replica;
let zone: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  survivor = await startReplica({ databaseUrl });
  zone = await createTestZone(survivor);
});

afterAll(async () => {
  await survivor?.stop();
  await killProcesses();
});

const create = (at: Replica, key: string, name: string) =>
  callAdmin(at, 'POST', `/zones/${zone.zoneId}/clients`, { name }, { 'idempotency-key': key });

/** Asks one that is about to be killed, as often as it says "not now". @returns `null` if no other answer came */
const lostAt = (at: Replica, key: string, name: string) =>
  until(async () => {
    const answer = await create(at, key, name).catch(() => null);
    const isKnown = answer?.status !== 503 && answer?.status !== 409;
    return isKnown && { answer };
  }).then(({ answer }) => answer);

/** Asks the one that runs on until it says what came of it; the connections of a dead one may be in the way for a moment. */
const createAgain = (key: string, name: string) =>
  until(async () => {
    const answer = await create(survivor, key, name);
    return answer.status === 503 || answer.status === 409 ? null : answer;
  });

async function expectOne(key: string, name: string): Promise<boolean> {
  const answer = await createAgain(key, name);
  expect(answer.status).toBe(201);
  const clients = await rows(databaseUrl, 'SELECT id FROM clients WHERE name = $1', [name]);
  expect(clients).toEqual([{ id: answer.body['id'] }]);
  const { status } = await persistently(() =>
    postForm(survivor.url, {
      grant_type: 'client_credentials',
      client_id: String(answer.body['id']),
      client_secret: String(answer.body['client_secret']),
      resource: zone.resource,
      scope: 'a:read',
    }),
  );
  expect(status).toBe(200);
  return answer.headers.get('idempotency-replayed') === 'true';
}

test('what was not committed when its replica was killed is carried out by the repetition', async () => {
  const [key, name] = [randomUUID(), `name ${randomUUID()}`];
  const victim = await startReplica({ databaseUrl });
  const home = await databaseOf(databaseUrl, zone.zoneId);
  await whileOpen(home, ['LOCK TABLE audit_events IN SHARE MODE', []], async () => {
    const lost = lostAt(victim, key, name);
    await until(async () => {
      const found = await rows(
        home,
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND application_name = 'mandate operators'`,
      );
      return found.length > 0;
    });
    await victim.stop('SIGKILL');
    expect(await lost).toBeNull();
  });
  expect(await expectOne(key, name)).toBe(false);
});

test('whenever its replica is killed, a request is carried out once, and its secret works', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [key, name] = [randomUUID(), `name ${randomUUID()}`];
    const victim = await startReplica({ databaseUrl });
    const lost = create(victim, key, name).catch(() => null);
    await sleep(randomInt(60));
    await victim.stop('SIGKILL');
    const answered = await lost;
    const replayed = await expectOne(key, name);
    if (answered?.status === 201) expect(replayed).toBe(true);
  }
});

test('an operator has so many keys in use, and old ones are forgotten', async () => {
  const zones = await Promise.all(
    Array.from({ length: 10 }, () => idBeside(databaseUrl, zone.zoneId)),
  );
  const home = await databaseOf(databaseUrl, zone.zoneId);
  const fill = (age: string) =>
    rows(
      home,
      `INSERT INTO idempotency_keys (zone_id, id, operator, fingerprint, request_id, used_at)
       SELECT z.id, gen_random_uuid(), 'admin key', sha256(''), gen_random_uuid(), now() - $1::interval
         FROM unnest($2::uuid[]) AS z (id) CROSS JOIN generate_series(1, 2000)`,
      [age, zones],
    );
  await fill('25 hours');
  const [first, second] = [randomUUID(), randomUUID()];
  expect((await createAgain(first, `name ${first}`)).status).toBe(201);
  await fill('1 hour');
  const refused = await create(survivor, second, `name ${second}`);
  expect([refused.status, refused.body['error']]).toEqual([429, 'slow_down']);
  // What has its key is answered as ever.
  const again = await createAgain(first, `name ${first}`);
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);

  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is used of it
  const on = {
    query: (text: string, values: unknown[]) => rows(home, text, values),
  } as unknown as EntityManager;
  // The replica forgets as well, a thousand at a time.
  await fill('25 hours');
  expect(await forget(on, 15_000)).toBe(true);
  await until(async () => !(await forget(on, 15_000)));
  const [left] = await rows<{ count: number }>(
    databaseUrl,
    `SELECT count(*)::int AS count FROM idempotency_keys WHERE request_id IS NOT NULL AND answer IS NULL`,
  );
  expect(left?.count).toBe(20_000);
});
