import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplica, type Replica, rows } from '../setup/harness.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await borrowReplica();
});

afterAll(async () => {
  await replica?.stop();
});

const loads = (result: string) => metric(replica, 'mandate_snapshot_loads_total', { result });

const sealedKeyOf = async ({ zoneId }: TestZone) => {
  const [zone] = await rows<{ sealed_digest_key: Buffer }>(
    replica.databaseUrl,
    'SELECT sealed_digest_key FROM zones WHERE id = $1',
    [zoneId],
  );
  return zone?.sealed_digest_key ?? Buffer.alloc(0);
};

const setSealedKey = ({ zoneId }: TestZone, key: Buffer) =>
  rows(replica.databaseUrl, 'UPDATE zones SET sealed_digest_key = $2 WHERE id = $1', [zoneId, key]);

test('a zone that cannot be loaded is not tried again for each request, and is served once it can be', async () => {
  const [zone, neighbour] = [await createTestZone(replica), await createTestZone(replica)];
  expect((await zone.session()).status).toBe(200);
  const sealed = await sealedKeyOf(zone);
  await setSealedKey(zone, Buffer.from(sealed.map((byte) => byte ^ 1)));
  await until(async () => (await zone.session()).status === 503);
  const failedBefore = await loads('failed');
  const stranger = () => zone.session({ client_secret: 'wrong' });
  const answers: Answer[] = [];
  // What is asked at once shares a load, so most of it is asked one after the other.
  for (let n = 0; n < 100; n += 1) {
    answers.push(...(await Promise.all([stranger(), stranger(), stranger()])));
  }
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  for (const { headers } of answers) {
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(10);
  }
  // Each rest is twice as long as the one before, so there are few in however long this took.
  expect((await loads('failed')) - failedBefore).toBeLessThan(30);
  expect((await persistently(() => neighbour.session())).status).toBe(200);
  await setSealedKey(zone, sealed);
  expect((await persistently(() => zone.session())).status).toBe(200);
});

test('a zone of a hundred thousand clients is served, and others while it is loaded', async () => {
  const [zone, neighbour] = [await createTestZone(replica), await createTestZone(replica)];
  await rows(
    replica.databaseUrl,
    `WITH added AS (
       INSERT INTO clients (zone_id, id, name, auth_methods, registration_method)
       SELECT $1, gen_random_uuid(), 'client ' || n, '{client_secret_post}', 'manual'
         FROM generate_series(1, 100000) AS n RETURNING zone_id, id)
     INSERT INTO client_secrets (zone_id, client_id, id, kind, verifier)
     SELECT zone_id, id, gen_random_uuid(), 'digest', 'x' FROM added`,
    [zone.zoneId],
  );
  await rows(replica.databaseUrl, 'UPDATE zones SET name = $2 WHERE id = $1', [
    neighbour.zoneId,
    `zone ${randomUUID()}`,
  ]);
  const large = persistently(() => zone.session());
  // Both have to be read anew.
  const small = await before(
    persistently(() => neighbour.session()),
    large,
  );
  expect(small.status).toBe(200);
  expect((await large).status).toBe(200);
  expect((await persistently(() => zone.session())).status).toBe(200);
});
