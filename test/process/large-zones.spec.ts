import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const CLIENTS = 20_000;
/** What a request may read beside, and what goes on in the background meanwhile. A client is some 300 bytes. */
const NOISE = 200_000;

let proxy: Proxy;
let replica: Replica;
let databaseUrl: string;
let zone: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  proxy = await startProxy();
  proxy.forwardTo(databaseUrl);
  replica = await startReplica({ databaseUrl: proxy.urlFor(databaseUrl) });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
  await proxy?.close();
});

/** What the first request takes after the zone has changed, in bytes that the database sends. */
async function bytesOfFirstRequest(): Promise<number> {
  await rows(databaseUrl, `UPDATE zones SET rotation_days = rotation_days + 1 WHERE id = $1`, [
    zone.zoneId,
  ]);
  const before = proxy.sent();
  expect((await persistently(() => zone.session())).status).toBe(200);
  return proxy.sent() - before;
}

test('a first request reads as much of a zone with many clients as of one with few', async () => {
  await bytesOfFirstRequest();
  const few = await bytesOfFirstRequest();
  await rows(
    databaseUrl,
    `WITH added AS (
       INSERT INTO clients (zone_id, id, name, auth_methods, registration_method, labels)
       SELECT $1, gen_random_uuid(), 'client ' || n, '{client_secret_post}', 'manual', ARRAY['label ' || n]
         FROM generate_series(1, ${CLIENTS}) AS n RETURNING zone_id, id)
     INSERT INTO client_secrets (zone_id, client_id, id, kind, verifier)
     SELECT zone_id, id, gen_random_uuid(), 'digest', 'x' FROM added`,
    [zone.zoneId],
  );
  const many = await bytesOfFirstRequest();
  expect(many).toBeLessThan(few + NOISE);
});

test('a label that some client of many has is found by an index', async () => {
  await rows(databaseUrl, 'ANALYZE clients');
  const plan = await rows<{ 'QUERY PLAN': string }>(
    databaseUrl,
    `EXPLAIN SELECT FROM clients c WHERE c.labels <> '{}' AND c.zone_id = '${zone.zoneId}'
        AND label_keys(c.zone_id, c.labels) @> label_keys('${zone.zoneId}', ARRAY['label 7'])`,
  );
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('clients_by_label');
  const [found] = await rows(databaseUrl, 'SELECT reserved_labels($1, $2, $3) AS labels', [
    zone.zoneId,
    zone.clientId,
    ['label 7', 'no label', 'label 20000', 'label 20001'],
  ]);
  expect(found).toEqual({ labels: ['label 7', 'label 20000'] });
});
