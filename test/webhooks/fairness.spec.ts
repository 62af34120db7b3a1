import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dataSourceOptions } from '../../src/schema/data-source.js';
import { DueDeliveries, WINDOW } from '../../src/webhooks/due-deliveries.service.js';
import { createDatabase, rows, startReplica } from '../setup/harness.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';
import { createZonesBeside } from '../setup/zones-beside.js';

/** What one webhook is told again: several times as many as are looked at when the oldest are. */
const FLOOD = 4 * WINDOW;
/** A replica's limits. What is taken here is received at once: nothing is ever under way. */
const LIMITS = { most: 32, toOne: 4, underWay: new Map<string, number>() };

let databaseUrl: string;
let dataSource: DataSource;
let zones: TestZone[];
/** Of the installation, for all zones. */
let ofAll: string;

beforeAll(async () => {
  const replica = await startReplica({ databaseUrl: await createDatabase() });
  ({ databaseUrl } = replica);
  const first = await createTestZone(replica);
  zones = [first, ...(await createZonesBeside(first, 1))];
  const body = { url: 'https://all.example/', zone_ids: ['*'] };
  const made = await callAdmin(replica, 'POST', '/webhooks', body);
  ofAll = String(made.body['id']);
  await Promise.all(zones.map((zone, n) => webhooks(zone, n)));
  // From here on, nobody takes anything but the tests.
  await replica.stop();
  const home = await databaseOf(databaseUrl, first.zoneId);
  dataSource = await new DataSource(dataSourceOptions(home)).initialize();
});
afterAll(async () => {
  await dataSource?.destroy();
});
beforeEach(async () => {
  await rows(databaseUrl, 'DELETE FROM webhook_deliveries');
});

/** The webhooks of the first zone flood; each has a receiver of its own. */
const FLOODING = 40;
const ids: string[][] = [[], []];
async function webhooks(zone: TestZone, n: number): Promise<void> {
  for (let i = 0; i < (n === 0 ? FLOODING : 1); i += 1) {
    const url = `https://receiver-${n}-${i}.example/`;
    // oxlint-disable-next-line no-await-in-loop
    ids[n]?.push(String((await zone.admin('POST', '/webhooks', { url }))['id']));
  }
}

/** Puts up what is due now. */
const put = (zone: TestZone | undefined, webhook: string | undefined, count: number) =>
  rows(
    databaseUrl,
    `INSERT INTO webhook_deliveries (zone_id, id, webhook_id, installation_webhook_id, event_type, payload, due_at)
     SELECT $1, new_uuid_v7(), nullif($2::uuid, $4::uuid), CASE WHEN $2::uuid = $4::uuid THEN $4::uuid END,
            'webhook.test', '{}', clock_timestamp() FROM generate_series(1, $3)`,
    [zone?.zoneId, webhook, count, ofAll],
  );

/** The number of looks until something of a zone is taken. */
async function looksUntil(due: DueDeliveries, zone: TestZone | undefined): Promise<number> {
  for (let look = 1; look <= FLOOD; look += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const taken = await due.take(LIMITS);
    if (taken.some(({ delivery }) => delivery.zoneId === zone?.zoneId)) return look;
  }
  throw new Error('it was never taken');
}

describe('what is due after thousands of others', () => {
  test('has its turn in the look after the first', async () => {
    const [zone, other] = zones;
    await put(zone, ids[0]?.[0], FLOOD);
    await put(other, ids[1]?.[0], 1);
    expect(await looksUntil(new DueDeliveries(dataSource), other)).toBe(2);
  });

  test('has it in one round, however many webhooks are flooded', async () => {
    const [zone, other] = zones;
    for (const webhook of ids[0] ?? []) {
      // oxlint-disable-next-line no-await-in-loop
      await put(zone, webhook, FLOOD / FLOODING);
    }
    await put(other, ids[1]?.[0], 1);
    const looks = 1 + Math.ceil((FLOODING + 1) / LIMITS.most);
    expect(await looksUntil(new DueDeliveries(dataSource), other)).toBeLessThanOrEqual(looks);
  });

  test('of another zone for the same webhook of the installation has its turn as well', async () => {
    const [zone, other] = zones;
    await put(zone, ofAll, FLOOD);
    await put(other, ofAll, 1);
    expect(await looksUntil(new DueDeliveries(dataSource), other)).toBe(2);
  });

  test('is taken once, with all that is due, by however many take', async () => {
    const [zone, other] = zones;
    for (const webhook of ids[0] ?? []) {
      // oxlint-disable-next-line no-await-in-loop
      await put(zone, webhook, WINDOW / FLOODING + 1);
    }
    await put(other, ids[1]?.[0], 20);
    const replicas = [new DueDeliveries(dataSource), new DueDeliveries(dataSource)];
    const taken: string[] = [];
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      const looks = await Promise.all(replicas.map((due) => due.take(LIMITS)));
      const found = looks.flat().map(({ delivery }) => delivery.id);
      taken.push(...found);
      if (found.length === 0) break;
    }
    expect(taken).toHaveLength(WINDOW + FLOODING + 20);
    expect(new Set(taken).size).toBe(taken.length);
  });
});

test('a look that fails is followed by one at the oldest', async () => {
  const [zone] = zones;
  await put(zone, ids[0]?.[0], FLOOD);
  const due = new DueDeliveries(dataSource);
  expect(await due.take(LIMITS)).toHaveLength(LIMITS.toOne);
  await expect(due.take({ ...LIMITS, most: -1 })).rejects.toThrow('LIMIT');
  expect(await due.take(LIMITS)).toHaveLength(LIMITS.toOne);
});
