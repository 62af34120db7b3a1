import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplica, type Replica, rows } from '../setup/harness.js';
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

const clientLoads = () => metric(replica, 'mandate_client_loads_total', { result: 'loaded' });

test('a change of a client makes no zone be read again', async () => {
  const zone = await createTestZone(replica);
  const [changing, bystander] = [await zone.newClient(), await zone.newClient()];
  const ask = ({ clientId, secret }: typeof changing) =>
    persistently(() => zone.session({ client_id: clientId, client_secret: secret }));
  expect([(await ask(changing)).status, (await ask(bystander)).status]).toEqual([200, 200]);
  const [zonesBefore, clientsBefore] = [await loads('loaded'), await clientLoads()];
  for (let n = 0; n < 10; n += 1) {
    const path = `/clients/${changing.clientId}`;
    await zone.admin('PATCH', path, { labels: [`label ${n}`], disabled: n % 2 === 0 });
    const { id } = await zone.admin('POST', `${path}/secrets`);
    await zone.admin('DELETE', `${path}/secrets/${String(id)}`);
    expect((await ask(changing)).status).toBe(n % 2 === 0 ? 401 : 200);
    expect((await ask(bystander)).status).toBe(200);
  }
  // Of the zones of others, which the server keeps up to date meanwhile, it may have read some.
  expect((await loads('loaded')) - zonesBefore).toBeLessThan(5);
  // Each time the one that has changed: once, and once more where the news comes after the look-up.
  const read = (await clientLoads()) - clientsBefore;
  expect(read).toBeGreaterThanOrEqual(10);
  expect(read).toBeLessThanOrEqual(40);
});

test('clients that nobody has heard of are looked up, and push out none that are known', async () => {
  const zone = await createTestZone(replica);
  expect((await persistently(() => zone.session())).status).toBe(200);
  const [bytes, known] = [
    () => metric(replica, 'mandate_snapshot_bytes', { of: 'clients' }),
    await clientLoads(),
  ];
  const before = await bytes();
  for (let n = 0; n < 20; n += 1) {
    const invented = Array.from({ length: 20 }, () => zone.session({ client_id: randomUUID() }));
    for (const { status } of await Promise.all(invented)) expect([401, 429, 503]).toContain(status);
  }
  expect((await persistently(() => zone.session())).status).toBe(200);
  // Once more, where the news that the client is there comes after the look-up.
  expect((await clientLoads()) - known).toBeLessThanOrEqual(1);
  const after = await bytes();
  expect(after).toBeGreaterThanOrEqual(before);
  expect(after).toBeLessThan(2 * before);
});
