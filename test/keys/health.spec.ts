import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { age, rotate } from '../setup/keys.js';
import { createTestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});

afterAll(async () => {
  await replica?.stop();
});

async function ready(): Promise<[number, unknown]> {
  const response = await fetch(`${replica.url}/ready`);
  const { details } = (await response.json()) as { details: { signing_keys: unknown } };
  return [response.status, details.signing_keys];
}

test('a zone that cannot sign is counted, and takes nobody else out of service', async () => {
  const [zone, other] = [await createTestZone(replica), await createTestZone(replica)];
  expect((await zone.session()).status).toBe(200);
  expect((await other.session()).status).toBe(200);
  await expect.poll(ready).toMatchObject([200, { status: 'up', broken_zones: 0 }]);
  const key = 'UPDATE signing_keys SET sealed_private_key = $2 WHERE zone_id = $1 RETURNING 1';
  const [stored] = await rows<{ sealed: Buffer }>(
    replica.databaseUrl,
    'SELECT sealed_private_key AS sealed FROM signing_keys WHERE zone_id = $1',
    [zone.zoneId],
  );

  await rows(replica.databaseUrl, key, [zone.zoneId, Buffer.from('broken')]);
  await expect.poll(async () => (await zone.session()).status).toBe(503);
  await roundOfChecks();
  expect(await ready()).toMatchObject([200, { status: 'up', broken_zones: 1 }]);
  expect(JSON.stringify(await ready())).not.toContain(zone.zoneId);
  expect((await other.session()).status).toBe(200);

  await rows(replica.databaseUrl, key, [zone.zoneId, stored?.sealed]);
  await expect.poll(async () => (await zone.session()).status).toBe(200);
  expect(await ready()).toMatchObject([200, { status: 'up', broken_zones: 0 }]);

  // A zone with nothing but withdrawn keys can be opened, and cannot sign either.
  await rows(
    replica.databaseUrl,
    'UPDATE signing_keys SET compromised_at = now() WHERE zone_id = $1',
    [zone.zoneId],
  );
  await expect.poll(async () => (await zone.session()).status).toBe(503);
  await roundOfChecks();
  expect(await ready()).toMatchObject([200, { status: 'up', broken_zones: 1 }]);
});

/** Waits until a whole round of checks has begun and ended from now on: nothing is issued meanwhile. */
async function roundOfChecks(): Promise<void> {
  const probed = async () =>
    (
      await rows<{ at: Date }>(replica.databaseUrl, 'SELECT at FROM ledger_probes')
    )[0]?.at.getTime();
  for (let i = 0; i < 2; i += 1) {
    const before = await probed();
    await expect.poll(probed).not.toBe(before);
  }
}

test('metrics tell the age of keys, and name no zone', async () => {
  const zone = await createTestZone(replica);
  await rotate(zone);
  await age(zone, 100);
  const value = async (name: string) => {
    // What changes is forgotten until somebody asks.
    await zone.session();
    const text = await (await fetch(`${replica.url}/metrics`)).text();
    expect(text).not.toContain(zone.zoneId);
    const line = text.split('\n').find((one) => one.startsWith(name));
    return Number(line?.split(' ').at(-1));
  };
  await expect.poll(() => value('mandate_signing_keys{state="pending"}')).toBe(1);
  expect(await value('mandate_signing_key_age_seconds{alg="ES256"}')).toBeGreaterThan(99);
  expect(await value('mandate_signing_key_oldest_in_use_seconds')).toBeGreaterThan(99);
  const next = await value('mandate_signing_key_next_activation_timestamp_seconds');
  const inSeconds = next - Date.now() / 1_000;
  expect(inSeconds).toBeGreaterThan(200);
  expect(inSeconds).toBeLessThan(330);
});
